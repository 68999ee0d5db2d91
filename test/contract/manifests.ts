import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceName } from '@agentfleet/protocol'
import { CORE_SCHEMA, load, loadAll, mergeTag } from 'js-yaml'
import { envNames, loadConfig } from '../../libs/runtime/src/index.ts'

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The folder of the kustomize base. */
export const BASE = join(ROOT, 'k8s', 'base')

/** One container of a pod, as far as the tests check it. */
interface Container {
  readonly image: string
  readonly env?: readonly EnvEntry[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly resources?: unknown
  readonly securityContext?: unknown
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } }
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string }
}

interface EnvEntry {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string }
    readonly fieldRef?: { readonly fieldPath: string }
  }
}

/** The pod template of a Deployment or StatefulSet. */
export interface Pod {
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly terminationGracePeriodSeconds?: number
  readonly securityContext?: unknown
  readonly containers: readonly Container[]
}

interface PodSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
}

/** An object of Kubernetes of any kind, as far as the tests check it. */
export interface KubeObject {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly stringData?: Readonly<Record<string, string>>
  readonly automountServiceAccountToken?: boolean
  readonly spec?: {
    readonly replicas?: number
    readonly selector?: unknown
    readonly podSelector?: unknown
    readonly template?: { readonly metadata: { readonly labels: unknown }; readonly spec: Pod }
    readonly ports?: readonly { readonly port: number; readonly targetPort: string }[]
    readonly ingress?: readonly { readonly from?: unknown }[]
    readonly egress?: readonly { readonly to?: readonly { readonly podSelector?: PodSelector }[] }[]
    readonly scaleTargetRef?: unknown
    readonly minReplicas?: number
    readonly maxReplicas?: number
    readonly metrics?: readonly {
      readonly resource: {
        readonly name: string
        readonly target: { readonly averageUtilization: number }
      }
    }[]
  }
}

/** A service of docker-compose.yml. */
interface ComposeService {
  readonly image: string
  readonly build?: unknown
  readonly container_name?: string
  readonly ports?: readonly string[]
  /** Null: passed on from the shell or `.env`, if set there. */
  readonly environment?: Readonly<Record<string, string | null>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: unknown
  readonly stop_grace_period?: string
}

/** The services of docker-compose.yml, anchors and merges resolved. */
export function composeServices(): Readonly<Record<string, ComposeService>> {
  const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')
  return (
    load(text, { schema: CORE_SCHEMA.withTags(mergeTag) }) as {
      services: Record<string, ComposeService>
    }
  ).services
}

/** Every file that kustomization.yaml names. */
export function listedFiles(): readonly string[] {
  const { resources, configMapGenerator } = load(
    readFileSync(join(BASE, 'kustomization.yaml'), 'utf8'),
  ) as { resources: string[]; configMapGenerator: { files: string[] }[] }
  return [...resources, ...configMapGenerator.flatMap(({ files }) => files)]
}

/** File names in the base. */
export function baseFiles(): readonly string[] {
  return readdirSync(BASE).filter((file) => file !== 'kustomization.yaml')
}

/** The objects of one file. */
export function objectsOf(file: string): readonly KubeObject[] {
  return loadAll(readFileSync(file, 'utf8')) as KubeObject[]
}

/** Every object of the base. */
export const BASE_OBJECTS: readonly KubeObject[] = baseFiles()
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => objectsOf(join(BASE, file)))

/** The one object of a kind and name in the base. */
export function objectOf(kind: string, name: string): KubeObject {
  const [found, ...more] = BASE_OBJECTS.filter(
    (object) => object.kind === kind && object.metadata.name === name,
  )
  if (found === undefined || more.length > 0) throw new Error(`not one object is ${kind} ${name}`)
  return found
}

/** The pod of an object. */
export function podOf(object: KubeObject): Pod {
  const pod = object.spec?.template?.spec
  if (pod === undefined) throw new Error(`${object.kind} ${object.metadata.name} makes no pod`)
  return pod
}

/** The first container of an object's pod. */
export function containerOf(object: KubeObject): Container {
  const [container] = podOf(object).containers
  if (container === undefined) throw new Error(`${object.metadata.name} has no container`)
  return container
}

type Schema = Parameters<typeof loadConfig>[0]

/** The variables that a service's process reads. */
export async function schemaOf(service: ServiceName): Promise<Schema> {
  const path = join(ROOT, 'services', service, 'src', 'config.ts')
  const exported = Object.values((await import(path)) as Record<string, unknown>)
  const [schema, ...more] = exported.filter((value): value is Schema => isSchema(value))
  if (schema === undefined || more.length > 0) throw new Error(`${path} must export one schema`)
  return schema
}

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'shape' in value && 'safeExtend' in value
}

/** Every fault of one container's variables: unknown names, wrong values, missing ones. */
export async function problemsOf(
  service: ServiceName,
  env: Readonly<Record<string, string>>,
  notRead: readonly string[],
): Promise<readonly string[]> {
  const schema = await schemaOf(service)
  const known = new Set([...envNames(schema), 'NODE_OPTIONS', ...notRead])
  const unknown = Object.keys(env).filter((name) => !known.has(name))
  const problems = unknown.map((name) => `${service} does not read ${name}`)
  try {
    loadConfig(schema, env)
  } catch (error) {
    problems.push(String(error))
  }
  return problems
}
