# syntax=docker/dockerfile:1
# The base is an argument so that an internal mirror, or a base made by oneself, can take its place.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements/runtime.txt requirements/runtime.txt
RUN python3 -m venv --copies /opt/scim-operator \
 && /opt/scim-operator/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY controller controller
COPY crds crds
COPY examples examples
RUN /opt/scim-operator/bin/python -m pip list --format=json > /opt/scim-operator/packages.json \
 && /opt/scim-operator/bin/python -m pip uninstall --yes pip \
 && cp -r controller "$(/opt/scim-operator/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/controller" \
 && mkdir -p /opt/scim-operator/share && cp -r crds examples /opt/scim-operator/share/ \
 && printf '%s\n' '#!/opt/scim-operator/bin/python' 'from controller.cli.main import main' 'main()' > /opt/scim-operator/bin/scimctl \
 && chmod 0755 /opt/scim-operator/bin/scimctl \
 && find /opt/scim-operator -name __pycache__ -type d -prune -exec rm -rf {} +

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="scim-operator" \
      org.opencontainers.image.description="Okta to SaaS provisioning declared as Kubernetes resources" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/scim-operator/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/scim-operator /opt/scim-operator
COPY LICENSE /licenses/LICENSE
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["scimctl"]
CMD ["--help"]
