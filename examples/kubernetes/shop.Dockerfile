# A service of examples/shop, from the artifact of its build (python3 examples/shop/shop.py build):
#   docker build -f examples/kubernetes/shop.Dockerfile --build-arg ARTIFACT=….pyz -t registry.example.org/shop/user-service:v1 .
FROM python:3.11-slim
RUN useradd --system --uid 10001 shop
ARG ARTIFACT
COPY ${ARTIFACT} /srv/service.pyz
USER shop
WORKDIR /tmp
ENTRYPOINT ["python", "/srv/service.pyz"]
