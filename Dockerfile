# One image a stage: docker build --target ingestion .   (npm run images builds them all, with what engine there is)
#
# BASE has Node 24 and npm, on any Linux. From it comes Node with the libraries that it loads; the images hold
# nothing else beside their stage: no shell, no package manager.
ARG BASE=node:24-slim

FROM ${BASE} AS layout
WORKDIR /src
COPY package.json package-lock.json .npmrc LICENSE ./
# No package's script runs: what they would fetch (Node itself) or send is not wanted here.
# The secret, if one is given, tells npm of a registry or a certificate of one's own; no layer keeps it.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
COPY services services
COPY operator operator
COPY scripts/images scripts/images
# Seconds; every file's time. The same sources then make the same bytes.
ARG SOURCE_DATE_EPOCH=0
# Stands in each image as /app/revision, so that an engine makes the labels below anew when it is another.
ARG REVISION=unknown
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} REVISION=${REVISION} node scripts/images/lay-out.ts /out

FROM scratch AS runtime
COPY --from=layout /out/runtime/ /
ENV PATH=/usr/local/bin NODE_ENV=production HOST=0.0.0.0 LOG_FORMAT=json
WORKDIR /app
# A number, so that a cluster can see that it isn't root; any other does too.
USER 1000:1000
ENTRYPOINT ["node"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "/app/livez.mjs"]
LABEL org.opencontainers.image.vendor="Scrutin" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM runtime AS ingestion
LABEL org.opencontainers.image.title="scrutin-ingestion" \
      org.opencontainers.image.description="Takes votes over HTTP; answers 202 once the broker has confirmed them"
ENV PORT=3001
EXPOSE 3001
COPY --from=layout /out/ingestion/ /
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
CMD ["services/ingestion/src/main.ts"]

FROM runtime AS validation
LABEL org.opencontainers.image.title="scrutin-validation" \
      org.opencontainers.image.description="Decides which votes may count: eligible, and the voter's first on this law"
ENV PORT=3002
EXPOSE 3002
COPY --from=layout /out/validation/ /
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
CMD ["services/validation/src/main.ts"]

FROM runtime AS aggregation
LABEL org.opencontainers.image.title="scrutin-aggregation" \
      org.opencontainers.image.description="Counts votes, a transaction a batch"
ENV PORT=3003
EXPOSE 3003
COPY --from=layout /out/aggregation/ /
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
CMD ["services/aggregation/src/main.ts"]

FROM runtime AS results
LABEL org.opencontainers.image.title="scrutin-results" \
      org.opencontainers.image.description="Shows the results: a page, an API, exports"
ENV PORT=3004
EXPOSE 3004
COPY --from=layout /out/results/ /
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
CMD ["services/results/src/main.ts"]

# On a cluster src/main.ts; on one machine src/local.ts with an Election file.
FROM runtime AS operator
LABEL org.opencontainers.image.title="scrutin-operator" \
      org.opencontainers.image.description="Prepares, opens, closes and removes elections"
ENV PORT=3005
EXPOSE 3005
COPY --from=layout /out/operator/ /
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
CMD ["operator/src/main.ts"]
