/**
 * A separate Consul server, on loopback.
 *
 * Its consensus log names its peers by address. So a persistent server keeps its ports across starts if it
 * can, and otherwise gets its new address through the recovery file that Consul reads for that purpose.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Binaries } from '../binaries.ts'
import { LOOPBACK, drawPorts, isPortFree } from './ports.ts'
import { startServer, type RunningServer, type ServerTls } from './server.ts'

type ConsulPorts = {
  readonly http: number
  readonly server: number
  readonly serf_lan: number
  readonly serf_wan: number
}

const PORT_NAMES = ['http', 'server', 'serf_lan', 'serf_wan'] as const
// All services of a fleet share one address and each holds several blocking queries; the default is 200.
const CONNECTIONS_PER_CLIENT_MAX = 10_000

/** Starts a one-server Consul on loopback and resolves when it has elected itself. */
export async function startConsul(options: {
  readonly binaries: Pick<Binaries, 'consul'>
  readonly dir: string
  /** Whether registrations and keys outlive the process; true unless set. */
  readonly persistent?: boolean
  /** A second port that encrypts. */
  readonly tls?: ServerTls & { readonly port: number }
  /** Refuses calls without a token; this one may do everything. */
  readonly managementToken?: string
  readonly signal?: AbortSignal
}): Promise<RunningServer> {
  const { binaries, dir, persistent = true, tls, managementToken, signal } = options
  const dataDir = join(dir, 'data')
  const portsFile = join(dir, 'ports.json')
  const configFile = join(dir, 'consul.json')
  // Names this server alone, so that its answers can be recognised.
  const startId = randomUUID()
  let pinned: ConsulPorts | undefined
  return startServer({
    program: binaries.consul,
    dir,
    scheme: 'http',
    signal,
    portsAreGiven: false,
    choosePorts: async () => {
      const last = persistent ? await readPorts(portsFile) : undefined
      // Offered once: if they look free and still cannot be bound, other ports are drawn.
      if (last && !pinned && (await areFree(last))) return (pinned = last)
      const [http = 0, server = 0, serfLan = 0, serfWan = 0] = await drawPorts(4)
      return { http, server, serf_lan: serfLan, serf_wan: serfWan }
    },
    clientPort: ({ http }) => http,
    prepare: async (ports) => {
      if (persistent) await moveTo(ports, portsFile, dataDir)
      await rm(configFile, { force: true })
      const settings = {
        ...renderConfig({ ports, startId, dataDir: persistent ? dataDir : undefined }),
        ...(tls === undefined ? {} : tlsSettings(tls, ports)),
        ...(managementToken === undefined ? {} : accessControl(managementToken)),
      }
      await writeFile(configFile, JSON.stringify(settings, undefined, 2) + '\n', { mode: 0o600 })
      return ['agent', ...(persistent ? [] : ['-dev']), `-config-file=${configFile}`]
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

function renderConfig({
  ports,
  startId,
  dataDir,
}: {
  readonly ports: ConsulPorts
  readonly startId: string
  readonly dataDir: string | undefined
}): object {
  return {
    node_name: 'agentfleet',
    node_meta: { start_id: startId },
    bind_addr: LOOPBACK,
    client_addr: LOOPBACK,
    ports: { ...ports, dns: -1, grpc: -1, https: -1 },
    performance: { raft_multiplier: 1 },
    limits: { http_max_conns_per_client: CONNECTIONS_PER_CLIENT_MAX },
    disable_update_check: true,
    log_level: 'WARN',
    ...(dataDir === undefined ? {} : { data_dir: dataDir, server: true, bootstrap_expect: 1 }),
  }
}

function tlsSettings(
  { port, certFile, keyFile, clientCaFile }: ServerTls & { readonly port: number },
  ports: ConsulPorts,
): object {
  return {
    ports: { ...ports, dns: -1, grpc: -1, https: port },
    cert_file: certFile,
    key_file: keyFile,
    ...(clientCaFile === undefined ? {} : { ca_file: clientCaFile, verify_incoming_https: true }),
  }
}

function accessControl(token: string): object {
  const tokens = { master: token, agent: token }
  return { primary_datacenter: 'dc1', acl: { enabled: true, default_policy: 'deny', tokens } }
}

async function readPorts(portsFile: string): Promise<ConsulPorts | undefined> {
  try {
    const ports = JSON.parse(await readFile(portsFile, 'utf8')) as Partial<ConsulPorts>
    return PORT_NAMES.every((name) => Number.isInteger(ports[name]))
      ? (ports as ConsulPorts)
      : undefined
  } catch {
    // Never started before, or interrupted while writing: new ports and the recovery file serve both.
    return undefined
  }
}

async function areFree(ports: ConsulPorts): Promise<boolean> {
  return (await Promise.all(PORT_NAMES.map((name) => isPortFree(ports[name])))).every(Boolean)
}

/** Records the ports and, when they changed under existing data, writes the new address for Consul. */
async function moveTo(ports: ConsulPorts, portsFile: string, dataDir: string): Promise<void> {
  const last = await readPorts(portsFile)
  const nodeId = await readFile(join(dataDir, 'node-id'), 'utf8').catch(() => undefined)
  if (nodeId !== undefined && last?.server !== ports.server) {
    const peers = [{ id: nodeId.trim(), address: `${LOOPBACK}:${ports.server}`, non_voter: false }]
    await mkdir(join(dataDir, 'raft'), { recursive: true })
    await writeFile(join(dataDir, 'raft', 'peers.json'), JSON.stringify(peers))
  }
  await writeFile(portsFile, JSON.stringify(ports))
}
