/** Rights in the deployments: tokens of the cluster, users of Redis, identities of nodes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate } from '@marcbachmann/cel-js'
import { REDIS_RULES, REDIS_SERVICES } from '@agentfleet/protocol'
import { describe, expect, test } from 'vitest'
import { load } from 'js-yaml'
import {
  BASE_OBJECTS,
  ROOT,
  composeServices,
  containerOf,
  objectOf,
  objectsOf,
  type KubeObject,
} from './manifests.ts'

const DRIVER = join(ROOT, 'k8s', 'driver-kubernetes')
const DRIVER_OBJECTS = objectsOf(join(DRIVER, 'autoscaler.yaml'))
const COST = 'controller.kubernetes.io/pod-deletion-cost'

interface Policy {
  readonly failurePolicy: string
  readonly matchConstraints: { readonly resourceRules: readonly object[] }
  readonly matchConditions: readonly { readonly expression: string }[]
  readonly validations: readonly { readonly expression: string; readonly message: string }[]
}

interface Pod {
  readonly metadata: {
    readonly name: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[]
    readonly finalizers?: readonly string[]
  }
  readonly spec: object
}

const podOf = (app: string): Pod => ({
  metadata: {
    name: `${app}-abc-1`,
    labels: { 'app.kubernetes.io/name': app, 'pod-template-hash': 'abc' },
    annotations: { 'prometheus.io/scrape': 'true' },
    ownerReferences: [{ kind: 'ReplicaSet', name: `${app}-abc` }],
  },
  spec: { containers: [{ name: 'worker', image: 'agentfleet/worker:0.1.0' }] },
})
const WORKER = podOf('agent-worker')
const changed = (change: Partial<Pod['metadata']>): Pod => ({
  ...WORKER,
  metadata: { ...WORKER.metadata, ...change },
})
const marked = changed({ annotations: { ...WORKER.metadata.annotations, [COST]: '-1000' } })

describe('the autoscaler in Kubernetes', () => {
  test('has a role only with DRIVER=kubernetes, and may then change only the scale of agent-worker and the marks on pods', () => {
    const roles = DRIVER_OBJECTS.filter(({ kind }) => kind === 'Role')
    expect(roles).toMatchObject([
      {
        metadata: { name: 'agent-autoscaler', namespace: 'agentfleet' },
        rules: [
          {
            apiGroups: ['apps'],
            resources: ['deployments/scale'],
            resourceNames: ['agent-worker'],
            verbs: ['get', 'patch'],
          },
          { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'patch'] },
        ],
      },
    ])
    const { resources, patches } = load(
      readFileSync(join(DRIVER, 'kustomization.yaml'), 'utf8'),
    ) as { resources: string[]; patches: { patch: string }[] }
    expect(resources).toEqual(['../base', 'autoscaler.yaml'])
    const patched = patches.map(({ patch }) => load(patch) as KubeObject)
    expect(patched).toMatchObject([
      { kind: 'ServiceAccount', automountServiceAccountToken: true },
      { kind: 'HorizontalPodAutoscaler', metadata: { name: 'agent-worker-hpa' } },
      { kind: 'Deployment', spec: { template: { spec: { automountServiceAccountToken: true } } } },
    ])
    expect(
      new Set(
        patched
          .slice(0, 1)
          .concat(patched.slice(2))
          .map((p) => p.metadata.name),
      ),
    ).toEqual(new Set(['agent-autoscaler']))
  })

  test('may mark a pod of the workers and remove the mark', () => {
    expect(refusals('agent-autoscaler', marked, WORKER)).toEqual([])
    expect(refusals('agent-autoscaler', WORKER, marked)).toEqual([])
    const { annotations, ...bare } = WORKER.metadata
    expect(annotations).toBeDefined()
    const unmarked = { ...WORKER, metadata: bare }
    expect(
      refusals('agent-autoscaler', changed({ annotations: { [COST]: '1' } }), unmarked),
    ).toEqual([])
  })

  test.each<[string, Pod, Pod]>([
    ['a pod of another service', podOf('agent-gateway'), podOf('agent-gateway')],
    [
      'a pod without labels',
      { ...WORKER, metadata: { name: 'x' } },
      { ...WORKER, metadata: { name: 'x' } },
    ],
    ['the image', { ...WORKER, spec: { containers: [{ name: 'worker', image: 'evil' }] } }, WORKER],
    ['a label', changed({ labels: { 'app.kubernetes.io/name': 'agent-worker' } }), WORKER],
    ['the owner', changed({ ownerReferences: [] }), WORKER],
    ['a finalizer', changed({ finalizers: ['a/b'] }), WORKER],
    ['another annotation', changed({ annotations: { 'prometheus.io/scrape': 'false' } }), WORKER],
    [
      'a new annotation',
      changed({ annotations: { ...WORKER.metadata.annotations, a: 'b' } }),
      WORKER,
    ],
    ['an annotation that it removes', changed({ annotations: {} }), WORKER],
  ])('may not change %s', (_what, now, before) => {
    expect(refusals('agent-autoscaler', now, before)).not.toEqual([])
  })
})

describe('recovery in Kubernetes', () => {
  test('may delete a pod of the workers', () => {
    expect(refusals('agent-recovery', null, WORKER)).toEqual([])
  })

  test.each<[string, Pod]>([
    ['of the gateway', podOf('agent-gateway')],
    ['of NATS', podOf('nats')],
    ['without labels', { ...WORKER, metadata: { name: 'x' } }],
    [
      'with the label of a worker that the Deployment did not make',
      changed({ ownerReferences: [] }),
    ],
    [
      'with the label of a worker that another set made',
      changed({ ownerReferences: [{ kind: 'StatefulSet', name: 'agent-worker-x' }] }),
    ],
  ])('may not delete a pod %s', (_which, pod) => {
    expect(refusals('agent-recovery', null, pod)).not.toEqual([])
  })
})

test('each admission policy of Kubernetes is bound, refuses requests that it cannot evaluate, and applies only to its service', () => {
  for (const [name, operation] of [
    ['agentfleet-recovery-pods', 'DELETE'],
    ['agentfleet-autoscaler-pods', 'UPDATE'],
  ] as const) {
    const { failurePolicy, matchConstraints } = policyOf(name)
    expect(failurePolicy).toBe('Fail')
    expect(matchConstraints.resourceRules).toEqual([
      { apiGroups: [''], apiVersions: ['v1'], operations: [operation], resources: ['pods'] },
    ])
    const binding = found('ValidatingAdmissionPolicyBinding', name)
    expect(binding.spec).toEqual({ policyName: name, validationActions: ['Deny'] })
  }
  expect(refusals('agent-gateway', null, podOf('nats'))).toEqual([])
})

test.each(REDIS_SERVICES)('in Redis %s may do what its rules say, and no more', (service) => {
  const variable = `REDIS_PASSWORD_${service.replaceAll('-', '_').toUpperCase()}`
  for (const [path, dollar] of [
    ['docker-compose.yml', '$$'],
    ['k8s/base/redis.yaml', '$'],
  ] as const) {
    const lines = readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .map((line) => line.trim())
    const at = lines.indexOf(`printf 'user ${service} on >%s ' "${dollar}${variable}"`)
    expect(lines[at + 1], path).toBe(`echo '${REDIS_RULES[service]}'`)
  }
  const inCompose = composeServices()[service]?.environment?.['REDIS_URL']
  expect(inCompose).toContain(`redis://${service}:\${${variable}:?`)
  const env = containerOf(objectOf('Deployment', `agent-${service}`)).env
  const password = env?.find(({ name }) => name === 'REDIS_PASSWORD')
  expect(password?.valueFrom?.secretKeyRef).toEqual({ name: 'redis', key: service })
  const url = env?.find(({ name }) => name === 'REDIS_URL')?.value
  expect(url).toBe(`redis://${service}:$(REDIS_PASSWORD)@$(REDIS_HOST):6379`)
})

test('in Kubernetes, a node proves its id with the UID of its pod, and coordinators check this proof', () => {
  const env = (service: string) =>
    new Map(containerOf(objectOf('Deployment', service)).env?.map((one) => [one.name, one]))
  const worker = env('agent-worker')
  expect(worker.get('SERVICE_ID')?.valueFrom?.fieldRef?.fieldPath).toBe('metadata.name')
  expect(worker.get('NODE_SECRET')?.valueFrom?.fieldRef?.fieldPath).toBe('metadata.uid')
  const shared = worker.get('NATS_PASSWORD')?.valueFrom
  expect(env('agent-coordinator').get('NODE_PASSWORD')?.valueFrom).toEqual(shared)
})

function found(kind: string, name: string): KubeObject {
  const all = [...BASE_OBJECTS, ...DRIVER_OBJECTS]
  const object = all.find((one) => one.kind === kind && one.metadata.name === name)
  if (object === undefined) throw new Error(`there is no ${kind} ${name}`)
  return object
}

function policyOf(name: string): Policy {
  return found('ValidatingAdmissionPolicy', name).spec as unknown as Policy
}

/** The refusals of the policies for a change (or, with null, a deletion) by a service account. */
function refusals(account: string, object: Pod | null, oldObject: Pod): readonly string[] {
  const username = `system:serviceaccount:agentfleet:${account}`
  const context = { object, oldObject, request: { userInfo: { username } } }
  const holds = (expression: string): boolean => {
    try {
      return evaluate(expression, context) === true
    } catch {
      // failurePolicy: Fail.
      return false
    }
  }
  const named = object === null ? 'agentfleet-recovery-pods' : 'agentfleet-autoscaler-pods'
  const { matchConditions, validations } = policyOf(named)
  if (!matchConditions.every(({ expression }) => holds(expression))) return []
  return validations.filter(({ expression }) => !holds(expression)).map(({ message }) => message)
}
