import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** An operation of the document, as far as the gateway looks at it itself. */
interface Operation {
  readonly operationId?: string
  readonly security?: readonly unknown[]
}

/** openapi.yaml, parsed. */
export interface ApiDocument {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly [key: string]: unknown
}

/** The same depth below the root in `src` and in `dist`. */
const DOCUMENT = new URL('../../../../openapi.yaml', import.meta.url)

/** Reads the one source of the API. */
export function loadDocument(): ApiDocument {
  return parse(readFileSync(DOCUMENT, 'utf8')) as ApiDocument
}

/** The document for the router, to which a colon in a path begins a parameter unless doubled. */
export function routable(document: ApiDocument): ApiDocument {
  const paths = Object.entries(document.paths).map(([path, operations]) => [
    path.replaceAll(':', '::'),
    operations,
  ])
  return { ...document, paths: Object.fromEntries(paths) as ApiDocument['paths'] }
}

/** Ids of the operations that need no key. */
export function openOperations(document: ApiDocument): Set<string> {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  return new Set(
    operations
      .filter(({ security }) => security?.length === 0)
      .map(({ operationId }) => operationId ?? ''),
  )
}
