# syntax=docker/dockerfile:1
# One file for every program: docker build --build-arg SERVICE=gateway -t agentfleet/gateway:0.1.0 .
# SERVICE is a folder of services/, or llm-simulator.

FROM node:24-slim AS build
RUN corepack enable
WORKDIR /repo
# What is fetched depends on the lock file only, so a change of sources fetches nothing.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
RUN pnpm fetch --ignore-scripts
COPY . .
RUN pnpm install --offline --frozen-lockfile --ignore-scripts
ARG SERVICE
RUN test -n "$SERVICE" \
  && directory="$(pnpm --silent --filter "@agentfleet/$SERVICE" exec pwd)" \
  && test -d "$directory" \
  && node_modules/.bin/tsc -b "$directory" \
  && node libs/local/bundle.mjs "${directory#/repo/}" \
  && if [ "$SERVICE" = gateway ]; then pnpm --filter @agentfleet/console run build:page; fi \
  && pnpm --filter "@agentfleet/$SERVICE" deploy --prod --legacy --ignore-scripts /out

FROM node:24-slim
ENV NODE_ENV=production HTTP_HOST=0.0.0.0 HTTP_PORT=8080
# As deep below openapi.yaml as in the repository: the gateway reads it from there.
WORKDIR /app/services/service
COPY --from=build /repo/openapi.yaml /app/openapi.yaml
COPY --from=build /out ./
# The user `node` of the image, by number so that an orchestrator can tell it is not root.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HTTP_PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/main.js.bundle/main.js"]
