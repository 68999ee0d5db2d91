import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Binaries } from '../binaries.ts'
import { LOOPBACK, drawPorts } from './ports.ts'
import { startServer, type RunningServer, type ServerTls } from './server.ts'

type ConsulPorts = Readonly<Record<'http' | 'server' | 'serf_lan' | 'serf_wan', number>>

// All services of a fleet share one address and each holds several blocking queries; the default is 200.
const CONNECTIONS_PER_CLIENT_MAX = 10_000

/**
 * Starts a Consul server without stored data on loopback, and resolves when it leads itself. It holds registrations
 * and locks, which the services make again; without stored data it needs no election, which takes 1.5 s.
 */
export async function startConsul(options: {
  readonly binaries: Pick<Binaries, 'consul'>
  readonly dir: string
  /** A second port that encrypts. */
  readonly tls?: ServerTls & { readonly port: number }
  /** Refuses calls without a token; this one may do everything. */
  readonly managementToken?: string
  readonly signal?: AbortSignal
}): Promise<RunningServer> {
  const { binaries, dir, tls, managementToken, signal } = options
  const configFile = join(dir, 'consul.json')
  // Names this server alone, so that its answers can be recognised.
  const startId = randomUUID()
  return startServer({
    program: binaries.consul,
    dir,
    scheme: 'http',
    signal,
    choosePorts: async () => {
      const [http = 0, server = 0, serfLan = 0, serfWan = 0] = await drawPorts(4)
      return { http, server, serf_lan: serfLan, serf_wan: serfWan }
    },
    clientPort: ({ http }) => http,
    prepare: async (ports) => {
      await rm(configFile, { force: true })
      const settings = {
        ...renderConfig(ports, startId, tls?.port),
        ...(tls === undefined ? {} : tlsSettings(tls)),
        ...(managementToken === undefined ? {} : accessControl(managementToken)),
      }
      await writeFile(configFile, JSON.stringify(settings, undefined, 2) + '\n', { mode: 0o600 })
      return ['agent', '-dev', `-config-file=${configFile}`]
    },
    answers: async (ports, _pid, probe) => {
      const base = `http://${LOOPBACK}:${ports.http}/v1`
      const headers = managementToken === undefined ? {} : { 'x-consul-token': managementToken }
      const self = await fetch(`${base}/agent/self`, { headers, signal: probe })
      const body = (await self.json()) as { readonly Meta?: Readonly<Record<string, string>> }
      if (body.Meta?.['start_id'] !== startId) return false
      const leader = await fetch(`${base}/status/leader`, { signal: probe })
      return (await leader.json()) === `${LOOPBACK}:${ports.server}`
    },
  })
}

function renderConfig(ports: ConsulPorts, startId: string, https = -1): object {
  return {
    node_name: 'agentfleet',
    node_meta: { start_id: startId },
    bind_addr: LOOPBACK,
    client_addr: LOOPBACK,
    ports: { ...ports, dns: -1, grpc: -1, https },
    performance: { raft_multiplier: 1 },
    limits: { http_max_conns_per_client: CONNECTIONS_PER_CLIENT_MAX },
    disable_update_check: true,
    log_level: 'WARN',
  }
}

function tlsSettings({ certFile, keyFile, clientCaFile }: ServerTls): object {
  return {
    cert_file: certFile,
    key_file: keyFile,
    ...(clientCaFile === undefined ? {} : { ca_file: clientCaFile, verify_incoming_https: true }),
  }
}

function accessControl(token: string): object {
  const tokens = { master: token, agent: token }
  return { primary_datacenter: 'dc1', acl: { enabled: true, default_policy: 'deny', tokens } }
}
