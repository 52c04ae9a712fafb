# syntax=docker/dockerfile:1

# The server with the demo. It runs its sources, as `npm start` does, for Node 24 reads TypeScript; only the demo is built.
#
#   docker build -t campaign-state .
#   docker run --rm -p 4000:4000 -e AUTH_SECRET="$(openssl rand -hex 32)" -v campaign-data:/data campaign-state
#
# One container alone keeps everything in the volume at /data. Many share DATABASE_URL and REDIS_URL: start/compose.yaml.

# --- What is the same for the next two stages: the manifests alone, so that a change of the sources leaves the installs in the cache.
FROM node:24-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY server/package.json server/
COPY client-sdk/package.json client-sdk/
COPY demo/package.json demo/

# --- The demo, with everything that building it needs. None of this reaches the image.
FROM manifests AS demo
RUN npm ci --ignore-scripts
COPY server server
COPY client-sdk client-sdk
COPY demo demo
COPY tsconfig*.json ./
RUN npm run build --workspace demo

# --- What the server needs to run: no tools, no types, and no second Node (the optional dependencies).
FROM manifests AS dependencies
RUN npm ci --ignore-scripts --omit=dev --omit=optional --omit=peer --workspace server

# --- The image.
FROM node:24-slim
ENV NODE_ENV=production \
    PORT=4000 \
    # Reached from outside of the container, and therefore refused without AUTH_SECRET or AUTH_JWKS_URL.
    HOST=0.0.0.0 \
    DATA_DIR=/data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY server server
COPY start start
COPY --from=demo /app/demo/dist demo/dist
# The image's own user without rights, who may write to the data alone.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
# Ready means loaded and not on its way out. A database that is away shows in the answer's body and does not make the container unhealthy:
# the instance goes on without it, and starting it again would not bring the database back.
HEALTHCHECK --interval=5s --timeout=3s --start-period=40s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# SIGTERM, Docker's own choice, ends it in order, within five seconds. No shell in between, which would keep the signal to itself.
CMD ["node", "start/main.ts"]
