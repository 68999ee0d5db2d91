import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** The fields of an operation that the gateway itself reads. */
interface Operation {
  readonly operationId?: string
  readonly security?: readonly unknown[]
}

/** The parsed openapi.yaml. */
export interface ApiDocument {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly [key: string]: unknown
}

/** `src` and `dist` are equally deep below the root. */
const DOCUMENT = new URL('../../../../openapi.yaml', import.meta.url)

/** Reads openapi.yaml. */
export function loadDocument(): ApiDocument {
  return parse(readFileSync(DOCUMENT, 'utf8')) as ApiDocument
}

/** Adapts the paths for the router, in which a single colon would begin a parameter. */
export function routable(document: ApiDocument): ApiDocument {
  const paths = Object.entries(document.paths).map(([path, operations]) => [
    path.replaceAll(':', '::'),
    operations,
  ])
  return { ...document, paths: Object.fromEntries(paths) as ApiDocument['paths'] }
}

/** Returns the ids of the operations that need no API key. */
export function openOperations(document: ApiDocument): Set<string> {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  return new Set(
    operations
      .filter(({ security }) => security?.length === 0)
      .map(({ operationId }) => operationId ?? ''),
  )
}
