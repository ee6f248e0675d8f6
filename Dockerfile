# syntax=docker/dockerfile:1
# The base is an argument, so that an internal mirror, or a base made by oneself, can take its place; the one that
# is used without is pinned, and renewed by whoever reviews the new one.
ARG BASE=docker.io/library/python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements/runtime.txt requirements/sbom.py requirements/
RUN python3 -m venv --copies /opt/scim-operator \
 && /opt/scim-operator/bin/python -m pip install --no-compile --no-deps --require-hashes --only-binary :all: -r requirements/runtime.txt \
 && /opt/scim-operator/bin/python -m pip uninstall --yes --quiet setuptools pip \
 && mkdir /opt/scim-operator/share && /opt/scim-operator/bin/python requirements/sbom.py > /opt/scim-operator/share/sbom.cdx.json
# The operator alone: the sandbox, with its simulators and faults, is another distribution.
COPY controller controller
# Only the interpreter and scimctl stay in bin: the packages' own commands are not ours to offer.
RUN mv controller "$(/opt/scim-operator/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/controller" \
 && find /opt/scim-operator/bin ! -name 'python*' -type f -delete \
 && printf '%s\n' '#!/opt/scim-operator/bin/python' 'from controller.cli.main import main' 'main()' > /opt/scim-operator/bin/scimctl \
 && chmod 0755 /opt/scim-operator/bin/scimctl \
 && find /opt/scim-operator \( -name __pycache__ -o -name tests -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' \) -prune -exec rm -rf {} + \
 && rm -rf /opt/scim-operator/include

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="scim-operator" \
      org.opencontainers.image.description="Okta to SaaS provisioning declared as Kubernetes resources" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/scim-operator/scim-operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# HOME: the user has no entry in passwd, and libraries ask where its home is.
ENV PATH=/opt/scim-operator/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/scim-operator /opt/scim-operator
COPY LICENSE /licenses/LICENSE
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["scimctl"]
CMD ["--help"]
