# syntax=docker/dockerfile:1

# The server with the demo. It runs the sources, as `npm start` does, because Node 24 runs TypeScript; only the demo is built.
#
#   docker build -t campaign-state .
#   docker run --rm -p 4000:4000 -e AUTH_SECRET="$(openssl rand -hex 32)" -v campaign-data:/data campaign-state
#
# One container alone keeps everything in the volume at /data. Many share DATABASE_URL and REDIS_URL: start/compose.yaml.

# --- The manifests, for the next two stages: a change of the sources leaves their installs in the cache.
FROM node:24-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY server/package.json server/
COPY client-sdk/package.json client-sdk/
COPY demo/package.json demo/

# --- The build of the demo. Only its result reaches the image.
FROM manifests AS demo
RUN npm ci --ignore-scripts
COPY server server
COPY client-sdk client-sdk
COPY demo demo
COPY tsconfig*.json ./
RUN npm run build --workspace demo

# --- The server's dependencies at run time: no tools, no types, and no second Node (the optional dependencies).
FROM manifests AS dependencies
RUN npm ci --ignore-scripts --omit=dev --omit=optional --omit=peer --workspace server

# --- The image.
FROM node:24-slim
ENV NODE_ENV=production \
    PORT=4000 \
    # Other machines reach this address, so that the server refuses to start without AUTH_SECRET or AUTH_JWKS_URL.
    HOST=0.0.0.0 \
    DATA_DIR=/data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY server server
COPY start start
COPY --from=demo /app/demo/dist demo/dist
# The image's unprivileged user, who may write to the data folder only.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
# Ready: everything is loaded, and the server is not shutting down. A database that fails changes the body of the answer, not the status:
# the instance goes on without it, and a restart of the container would not bring the database back.
HEALTHCHECK --interval=5s --timeout=3s --start-period=40s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The flags are those of server/cli/node-flags.ts, which says why.
# SIGTERM, Docker's default, shuts it down within five seconds. No shell in between, which would not pass the signal on.
CMD ["node", "--max-semi-space-size=4", "--initial-heap-size=128", "start/main.ts"]
