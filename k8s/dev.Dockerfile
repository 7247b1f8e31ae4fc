# All stages in one image for skaffold dev: with npm's packages and tar, and sources that may be written over.
FROM node:24-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY services/shared/package.json services/shared/
COPY services/ingestion/package.json services/ingestion/
COPY services/validation/package.json services/validation/
COPY services/aggregation/package.json services/aggregation/
COPY services/results/package.json services/results/
COPY operator/package.json operator/
COPY scripts/package.json scripts/
COPY load-tests/package.json load-tests/
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
COPY --chown=1000:1000 services services
USER 1000:1000
ENTRYPOINT ["node"]
