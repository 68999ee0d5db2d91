/** Compares docker-compose.yml and k8s/ with the variables of the programs and with the owner's figures. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createIssuerKey,
  NODE_USER,
  SERVICES,
  TOKEN_PATTERN,
  type ServiceName,
} from '@agentfleet/protocol'
import { describe, expect, test } from 'vitest'
import { baseEnv } from '../../libs/runtime/src/index.ts'
import {
  BASE,
  BASE_OBJECTS,
  ROOT,
  baseFiles,
  composeServices,
  containerOf,
  listedFiles,
  objectOf,
  objectsOf,
  podOf,
  problemsOf,
  type KubeObject,
} from './manifests.ts'
import { passwordVariable, renderNatsConf } from './nats-conf.ts'

/** A value for any secret; long enough for every rule, with the form of API_KEYS. */
const SECRET = 'tenant:0123456789abcdef0123456789abcdef'
const ISSUER_SEED = createIssuerKey().seed
/** Secrets with a special form. */
const SPECIAL = new Map([
  ['NATS_ISSUER_SEED', ISSUER_SEED],
  ['MCP_SERVERS', '{}'],
])
/** The time to end a process after its drain: deregister, its grace, four connections at 2 s each. */
const END_BESIDE_DRAIN_S = 11
/** The defaults of `baseEnv`. */
const DRAIN_DEFAULT_MS = baseEnv('any').DRAIN_DEADLINE_MS.parse(undefined)
/**
 * The longest id of a process: `docker compose` sets none; in Kubernetes it is the Deployment's name, a hash
 * of 10, a dash and 5 letters.
 */
const POD_SUFFIX = '-0123456789-abcde'

test('nats.conf has the permissions of the services', async () => {
  await expect(renderNatsConf()).toMatchFileSnapshot(join(BASE, 'nats.conf'))
})

describe('k8s/base', () => {
  test('has a kustomization.yaml that lists every file', () => {
    expect([...listedFiles()].sort()).toEqual([...baseFiles()].sort())
  })

  test('contains no secrets, and the example of a secret contains every key that the manifests refer to', () => {
    const objects = BASE_OBJECTS
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([])
    const offered = objectsOf(join(ROOT, 'k8s', 'secrets.example.yaml')).flatMap((secret) =>
      Object.keys(secret.stringData ?? {}).map((key) => `${secret.metadata.name}/${key}`),
    )
    const named = objects
      .flatMap((object) => object.spec?.template?.spec.containers ?? [])
      .flatMap(({ env }) => env ?? [])
      .flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? [])
      .map(({ name, key }) => `${name}/${key}`)
    expect([...new Set(named)].sort()).toEqual(offered.sort())
  })

  test('agent-worker has five replicas and the agreed requests and limits of memory and CPU', () => {
    const deployment = objectOf('Deployment', 'agent-worker')
    expect(deployment.spec?.replicas).toBe(5)
    const container = containerOf(deployment)
    expect(container.resources).toEqual({
      requests: { memory: '2Gi', cpu: '1000m' },
      limits: { memory: '4Gi', cpu: '2000m' },
    })
    const env = new Map(container.env?.map((entry) => [entry.name, entry]))
    expect(env.get('OPENAI_API_KEY')?.valueFrom?.secretKeyRef?.name).toBe('api-keys')
    expect(env.get('REDIS_HOST')?.value).toBe('redis')
    expect(env.get('CONSUL_HOST')?.value).toBe('consul')
    expect(env.get('OPENAI_API_KEY')?.valueFrom?.secretKeyRef?.key).toBe('openai-key')
    const scaler = objectOf('HorizontalPodAutoscaler', 'agent-worker-hpa')
    expect([scaler.spec?.minReplicas, scaler.spec?.maxReplicas]).toEqual([2, 20])
  })

  test('only the HorizontalPodAutoscaler scales agent-worker', () => {
    expect(envOf(objectOf('Deployment', 'agent-autoscaler'))['DRIVER']).toBe('recommend')
  })

  test('recovery may only inspect and delete pods', () => {
    expect(objectOf('Role', 'agent-recovery')).toMatchObject({
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'delete'] }],
    })
  })

  test('only recovery has a role in the base manifests', () => {
    const roles = BASE_OBJECTS.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    expect(roles.map(({ metadata }) => metadata.name)).toEqual(['agent-recovery'])
  })

  test('has network policies that deny all other traffic, and only the gateway accepts clients from outside', () => {
    expect(objectOf('NetworkPolicy', 'default-deny')['spec']).toMatchObject({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
    })
    const open = BASE_OBJECTS.filter(({ kind }) => kind === 'NetworkPolicy')
      .filter(({ spec }) => spec?.ingress?.some(({ from }) => from === undefined))
      .map(({ metadata }) => metadata.name)
    expect(open).toEqual(['agent-gateway'])
  })

  test('only recovery, which calls the API server, may connect to private addresses outside the fleet', () => {
    const wide = BASE_OBJECTS.filter(({ kind }) => kind === 'NetworkPolicy')
      .filter(({ spec }) => spec?.egress?.some(({ to }) => to === undefined))
      .map(({ metadata }) => metadata.name)
    expect(wide).toEqual(['agent-recovery'])
  })

  test('pods are restricted, and only DRIVER=kubernetes mounts a token of the cluster', () => {
    const sets = BASE_OBJECTS.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    for (const set of sets) {
      const { name } = set.metadata
      const pod = podOf(set)
      const acts = envOf(set)['DRIVER'] === 'kubernetes'
      expect(acts, name).toBe(name === 'agent-recovery')
      expect(pod.automountServiceAccountToken, name).toBe(acts)
      const account = BASE_OBJECTS.find(
        ({ kind, metadata }) =>
          kind === 'ServiceAccount' && metadata.name === pod.serviceAccountName,
      )
      expect(account?.automountServiceAccountToken ?? false, name).toBe(acts)
      expect(pod.securityContext, name).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      for (const container of pod.containers) {
        expect(container.securityContext, name).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
      }
    }
  })

  describe.each(SERVICES)('%s', (service) => {
    const name = `agent-${service}`

    test('has a Deployment with matching labels, its own service account and the other objects that a service needs', () => {
      const labels = { 'app.kubernetes.io/name': name }
      const deployment = objectOf('Deployment', name)
      expect(deployment.spec?.selector).toEqual({ matchLabels: labels })
      expect(deployment.spec?.template?.metadata.labels).toMatchObject(labels)
      expect(podOf(deployment).serviceAccountName).toBe(name)
      expect(objectOf('ServiceAccount', name)).toBeDefined()
      for (const kind of ['PodDisruptionBudget', 'NetworkPolicy']) {
        const { spec } = objectOf(kind, name)
        expect(spec?.selector ?? spec?.podSelector).toEqual({ matchLabels: labels })
      }
    })

    test('is reached on 8080 by its Service', () => {
      const { spec } = objectOf('Service', name)
      expect(spec?.selector).toEqual({ 'app.kubernetes.io/name': name })
      const target = spec?.ports?.find(({ port }) => port === 8080)?.targetPort
      expect(portOf(service, target)).toBe(8080)
    })

    test('is scaled at 70 % of CPU and 80 % of memory', () => {
      const scaler = service === 'worker' ? 'agent-worker-hpa' : name
      const { spec } = objectOf('HorizontalPodAutoscaler', scaler)
      expect(spec?.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name })
      const shares = spec?.metrics?.map(({ resource }) => [
        resource.name,
        resource.target.averageUtilization,
      ])
      expect(shares).toEqual([
        ['cpu', 70],
        ['memory', 80],
      ])
    })

    test('is probed where its admin server listens', () => {
      const deployment = objectOf('Deployment', name)
      const { startupProbe, livenessProbe, readinessProbe } = containerOf(deployment)
      const probed = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)
      expect(probed.map((get) => get?.path)).toEqual(['/startupz', '/livez', '/readyz'])
      const admin = Number(envOf(deployment)['HTTP_PORT'])
      expect(probed.map((get) => portOf(service, get?.port))).toEqual([admin, admin, admin])
    })

    test('gets the variables that it reads, with valid values', async () => {
      const env = envOf(objectOf('Deployment', name))
      // The owner names it for every node; see the comment next to it.
      const notRead = service === 'worker' ? ['REDIS_HOST'] : []
      expect(await problemsOf(service, expand(env), [...notRead, ...referredTo(env)])).toEqual([])
      expect(env['NATS_USER']).toBe(service === 'worker' ? NODE_USER : service)
      expect(`${name}${POD_SUFFIX}`).toMatch(TOKEN_PATTERN)
    })

    test('may connect to every server whose address it has, by its own network policy and by the policy of the server', () => {
      const env = envOf(objectOf('Deployment', name))
      const addressed = ['nats', 'redis', 'consul'].filter(
        (server) => env[`${server.toUpperCase()}_URL`] !== undefined,
      )
      const { spec } = objectOf('NetworkPolicy', name)
      const reached = spec?.egress
        ?.flatMap(({ to }) => to ?? [])
        .flatMap(({ podSelector }) => podSelector?.matchLabels?.['app.kubernetes.io/name'] ?? [])
      expect(reached).toEqual(addressed)
      for (const server of ['nats', 'redis', 'consul']) {
        const ingress = JSON.stringify(objectOf('NetworkPolicy', server).spec?.ingress)
        expect(ingress.includes(`"${name}"`), server).toBe(addressed.includes(server))
      }
    })

    test('has enough time to drain before it is killed', () => {
      const deployment = objectOf('Deployment', name)
      const graceS = podOf(deployment).terminationGracePeriodSeconds
      const spentS = containerOf(deployment).lifecycle?.preStop?.sleep?.seconds ?? 0
      const drainS = Number(envOf(deployment)['DRAIN_DEADLINE_MS']) / 1_000
      expect(graceS).toBeGreaterThanOrEqual(drainS + spentS + END_BESIDE_DRAIN_S)
    })
  })
})

test('the container image runs without root, has a health check, and ends with SIGTERM', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  expect(dockerfile).toMatch(/^USER 1000:1000$/m)
  expect(dockerfile).toMatch(/^HEALTHCHECK [^]*\/livez/m)
  expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m)
  expect(dockerfile).toContain(
    'CMD ["node", "--enable-source-maps", "dist/main.js.bundle/main.js"]',
  )
})

describe('docker-compose.yml', () => {
  const services = composeServices()
  const environment = (name: string) => interpolate(services[name]?.environment ?? {})

  test('runs the seven services and the servers that they need', () => {
    const needed = ['nats', 'redis', 'consul', 'llm-simulator', ...SERVICES]
    expect(Object.keys(services).sort()).toEqual(needed.sort())
  })

  test('publishes only the API of the gateway, on loopback', () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined)
    expect(published.map(([name]) => name)).toEqual(['gateway'])
    const { API_PORT } = environment('gateway')
    expect(services['gateway']?.ports).toEqual([`127.0.0.1:\${API_PORT:-8080}:${API_PORT}`])
  })

  test('can start more than one worker', () => {
    expect(services['worker']?.container_name).toBeUndefined()
    expect(environment('worker')['SERVICE_ID']).toBeUndefined()
  })

  test('requires API keys because the API listens on every address, and .env.example contains a key', () => {
    const { API_HOST, API_KEYS } = services['gateway']?.environment ?? {}
    expect([API_HOST, API_KEYS?.slice(0, 12)]).toEqual(['0.0.0.0', '${API_KEYS:?'])
    expect(readFileSync(join(ROOT, '.env.example'), 'utf8')).toMatch(/^API_KEYS=default:drawn$/m)
  })

  test('has no secret with a value', () => {
    for (const [name, service] of Object.entries(services)) {
      for (const [variable, value] of Object.entries(service.environment ?? {})) {
        if (!/PASSWORD|KEY|SECRET|TOKEN|AUTH|REDIS_URL/.test(variable)) continue
        if (value !== null) expect(value, `${variable} of ${name}`).toMatch(/\$\{\w+(:\?|:-\})/)
      }
    }
  })

  test('has an .env.example that contains every variable that must be set', () => {
    const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')
    const needed = new Set([...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name))
    const example = readFileSync(join(ROOT, '.env.example'), 'utf8')
    const offered = [...example.matchAll(/^(\w+)=/gm)].map(([, name]) => name)
    expect([...needed].filter((name) => !offered.includes(name))).toEqual([])
  })

  test('has a nats-server version without known vulnerabilities, and gives it the password of every service', () => {
    const image = services['nats']?.image ?? ''
    expect(containerOf(objectOf('StatefulSet', 'nats')).image).toBe(image)
    const [major = 0, minor = 0, patch = 0] = (/:(\d+)\.(\d+)\.(\d+)/.exec(image) ?? [])
      .slice(1)
      .map(Number)
    const floor = minor === 11 ? 15 : minor === 12 ? 6 : 0
    expect(major === 2 && minor >= 11 && patch >= floor, image).toBe(true)
    const listed = SERVICES.filter((service) => service !== 'worker')
    const wanted = ['NATS_ISSUER', ...listed.map(passwordVariable)]
    expect(Object.keys(environment('nats'))).toEqual(expect.arrayContaining(wanted))
    expect(Object.keys(envOf(objectOf('StatefulSet', 'nats')))).toEqual(
      expect.arrayContaining(wanted),
    )
  })

  describe.each(SERVICES)('%s', (service) => {
    test('gets the variables that it reads, with valid values', async () => {
      expect(await problemsOf(service, environment(service), [])).toEqual([])
      expect(environment(service)['NATS_USER']).toBe(service === 'worker' ? NODE_USER : service)
      const password = services[service]?.environment?.['NATS_PASSWORD']
      expect(password).toContain(`{${passwordVariable(service)}:?`)
    })

    test('has enough time to drain before it is killed', () => {
      const graceS = Number.parseInt(services[service]?.stop_grace_period ?? '', 10)
      const drainS = Number(environment(service)['DRAIN_DEADLINE_MS'] ?? DRAIN_DEFAULT_MS) / 1_000
      expect(graceS).toBeGreaterThanOrEqual(drainS + END_BESIDE_DRAIN_S)
    })

    test('is built from the only Dockerfile and is started after the services that it needs', () => {
      expect(services[service]?.build).toEqual({ context: '.', args: { SERVICE: service } })
      const conditions = Object.entries(services[service]?.depends_on ?? {})
      for (const [, { condition }] of conditions) expect(condition).toBe('service_healthy')
      const needed = [
        'nats',
        'redis',
        'consul',
        ...(service === 'coordinator' ? [] : ['coordinator']),
      ]
      expect(conditions.map(([name]) => name).sort()).toEqual(needed.sort())
    })
  })

  test('has a health check for every server', () => {
    for (const name of ['nats', 'redis', 'consul', 'llm-simulator']) {
      expect(services[name]?.healthcheck, name).toBeDefined()
    }
  })
})

/** The number behind the name of a container's port. */
function portOf(service: ServiceName, port: string | undefined): number | undefined {
  const { ports } = containerOf(objectOf('Deployment', `agent-${service}`))
  return ports?.find(({ name }) => name === port)?.containerPort
}

/** The environment of the first container, with stand-ins for secrets and for the pod's fields. */
function envOf(set: KubeObject): Record<string, string> {
  const known = new Map([
    ['metadata.name', `${set.metadata.name}${POD_SUFFIX}`],
    ['status.podIP', '10.0.0.1'],
    ['metadata.uid', '6f9619ff-8b86-d011-b42d-00cf4fc964ff'],
  ])
  const entries = containerOf(set).env ?? []
  return Object.fromEntries(
    entries.map(({ name, value, valueFrom }) => {
      const secret = valueFrom?.secretKeyRef && (SPECIAL.get(name) ?? SECRET)
      return [name, value ?? secret ?? known.get(valueFrom?.fieldRef?.fieldPath ?? '') ?? '']
    }),
  )
}

/** `$(NAME)` replaced as Kubernetes does; secrets in URLs are letters and digits. */
function expand(env: Readonly<Record<string, string>>): Record<string, string> {
  return mapValues(env, (value) =>
    value.replaceAll(/\$\((\w+)\)/g, (_, name: string) =>
      env[name] === SECRET ? 'secret' : (env[name] ?? ''),
    ),
  )
}

function referredTo(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.values(env).flatMap((value) =>
    [...value.matchAll(/\$\((\w+)\)/g)].map(([, name = '']) => name),
  )
}

/** Compose's `${NAME:-default}`, and `${NAME:?message}` with a stand-in. */
function interpolate(env: Readonly<Record<string, string | null>>): Record<string, string> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== null)
  return mapValues(Object.fromEntries(set), (value) =>
    value
      .replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
      .replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) =>
        name === 'API_KEYS'
          ? SECRET
          : name === 'NATS_ISSUER_SEED'
            ? ISSUER_SEED
            : 'secret0123456789secret0123456789',
      ),
  )
}

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
