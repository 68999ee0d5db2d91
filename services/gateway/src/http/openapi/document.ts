import { readFileSync } from 'node:fs'
import { SCOPES, type Scope } from '@agentfleet/domain'
import { load } from 'js-yaml'

/** The fields of an operation that the gateway itself reads. */
interface Operation {
  readonly operationId?: string
  readonly 'x-audit'?: boolean
  readonly security?: readonly { readonly bearer?: readonly string[] }[]
  readonly requestBody?: { readonly required?: boolean }
}

/** The part of a schema that the gateway itself reads. */
interface Schema {
  readonly properties?: Readonly<Record<string, object>>
}

/** The parsed openapi.yaml. */
export interface ApiDocument {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly [key: string]: unknown
}

/** Stands for the missing `security` of an operation. */
const NO_SECURITY = 'none'
/** `src` and `dist` are equally deep below the root. */
const DOCUMENT = new URL('../../../../../openapi.yaml', import.meta.url)

/** Reads openapi.yaml. */
export function loadDocument(): ApiDocument {
  return load(readFileSync(DOCUMENT, 'utf8')) as ApiDocument
}

/** Returns the ids of the operations that need no API key. */
export function openOperations(document: ApiDocument): Set<string> {
  return operationsWith(document, ({ security }) => security?.length === 0)
}

/**
 * Returns the scope that each operation with a key needs, by its id; undefined: any valid key may use it.
 * Throws if an operation names no scope, so that a forgotten scope opens nothing.
 */
export function operationScopes(document: ApiDocument): ReadonlyMap<string, Scope | undefined> {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  const scopes = new Map<string, Scope | undefined>()
  for (const { operationId, security } of operations) {
    if (operationId === undefined || security?.length === 0) continue
    const [named, ...others] = security?.[0]?.bearer ?? [NO_SECURITY]
    const scope = SCOPES.find((each) => each === named)
    if (others.length > 0 || scope !== named) {
      throw new Error(`openapi.yaml: security of ${operationId} must name one known scope`)
    }
    scopes.set(operationId, scope)
  }
  return scopes
}

/** Returns the ids of the operations whose success is a change that the audit log records. */
export function auditedOperations(document: ApiDocument): Set<string> {
  return operationsWith(document, (operation) => operation['x-audit'] === true)
}

/** Returns the ids of the operations whose body may be omitted. */
export function bodilessOperations(document: ApiDocument): Set<string> {
  return operationsWith(document, ({ requestBody }) => requestBody?.required === false)
}

function operationsWith(document: ApiDocument, fits: (operation: Operation) => boolean) {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  return new Set(operations.filter(fits).map(({ operationId }) => operationId ?? ''))
}
