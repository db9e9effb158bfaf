# One image for every process: `boreas api`, `boreas worker`, `boreas migrate`.

FROM python:3.11-slim AS packages
WORKDIR /build
RUN python -m venv /venv
COPY requirements.lock .
RUN /venv/bin/pip install --no-cache-dir --no-input --require-hashes -r requirements.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home boreas && mkdir /data && chown boreas /data
WORKDIR /srv
COPY --from=packages /venv /venv
COPY app app
COPY migrations migrations
ENV PATH=/venv/bin:$PATH PYTHONPATH=/srv PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BOREAS_HOST=0.0.0.0 BOREAS_DATA_DIR=/data
USER boreas
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["api"]
