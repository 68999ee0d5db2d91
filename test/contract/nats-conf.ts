import { SERVICES, permissionsOf } from '@agentfleet/protocol'

/** The variable that holds the password of a service's NATS user, as the server reads it. */
export function passwordVariable(service: string): string {
  return `NATS_PASSWORD_${service.replaceAll('-', '_').toUpperCase()}`
}

/** The server configuration of compose and Kubernetes: the bus with one user per service (L9). */
export function renderNatsConf(): string {
  const listed = SERVICES.filter((service) => service !== 'worker')
  const users = listed.map((service) => {
    const { publish, subscribe } = permissionsOf(service)
    return `    {
      user: "${service}"
      password: $${passwordVariable(service)}
      permissions: {
        publish: { allow: ${list(publish.allow)} }
        subscribe: { allow: ${list(subscribe.allow)} }
      }
    }`
  })
  return `${HEAD}
authorization {
  users: [
${users.join('\n')}
  ]
  # Nodes are no users of this list: the server asks a coordinator, which vouches for each of them.
  auth_callout {
    issuer: $NATS_ISSUER
    auth_users: [${listed.map((service) => `"${service}"`).join(', ')}]
  }
}
`
}

// 30 GiB: the streams reserve 25 GiB by default, the volume of k8s/base/nats.yaml has 32 GiB.
const HEAD = `# The NATS server of docker-compose.yml and k8s/. Made of the channels in libs/protocol/src/channels:
# npx vitest run --project unit test/contract -u
# Values with a dollar sign are environment variables; the server parses them as it parses this file, so
# they are handed over in double quotes: a password may begin with a digit.

port: 4222
# Monitoring is only for the health check inside the container.
http: "127.0.0.1:8222"
# Specs and results travel in one message; above 8 MiB the server itself warns.
max_payload: 8388608
max_connections: 100000
ping_interval: "5s"

jetstream {
  store_dir: "/data/jetstream"
  # "1s" survives the death of processes, "always" a power cut as well, at a tenth of the appends.
  sync_interval: $NATS_SYNC_INTERVAL
  max_memory_store: 1073741824
  max_file_store: 32212254720
}
`

function list(subjects: readonly string[]): string {
  return `[\n${subjects.map((subject) => `          "${subject}"`).join('\n')}\n        ]`
}
