import type { JsonSchema } from './dialect.ts'

/**
 * The size of a schema when each reference is replaced by its target. A chain of definitions that each refer
 * to the next one twice doubles with every link, so 2 kB can expand to years of work.
 */

/** Far above the schemas of large forms, and milliseconds of checking for one value. */
export const EXPANDED_MAX = 100_000

/** Keywords whose values are never schemas. */
const VALUES = new Set(['const', 'enum', 'default', 'examples'])
const REFERENCES = new Set(['$ref', '$dynamicRef'])

/** The number of places in the expanded schema; counting stops above `EXPANDED_MAX`. */
export function expandedSize(schema: JsonSchema): number {
  const anchors = anchorsIn(schema)
  const known = new Map<object, number>()
  const sizeOf = (node: unknown): number => {
    if (node === null || typeof node !== 'object') return 0
    const before = known.get(node)
    if (before !== undefined) return before
    // A reference back to an ancestor ends here: it is checked once for each nested value.
    known.set(node, 1)
    let size = 1
    for (const [key, value] of Object.entries(node)) {
      if (VALUES.has(key)) continue
      const isReference = REFERENCES.has(key) && typeof value === 'string'
      size += sizeOf(isReference ? targetOf(value, schema, anchors) : value)
      if (size > EXPANDED_MAX) break
    }
    known.set(node, size)
    return size
  }
  return sizeOf(schema)
}

/** Undefined for a reference that the compiler resolves or refuses itself. */
function targetOf(
  reference: string,
  schema: JsonSchema,
  anchors: ReadonlyMap<string, object>,
): unknown {
  if (reference === '#') return schema
  if (!reference.startsWith('#/')) return anchors.get(reference)
  let node: unknown = schema
  for (const token of reference.slice(2).split('/')) {
    if (node === null || typeof node !== 'object') return undefined
    const key = decoded(token).replaceAll('~1', '/').replaceAll('~0', '~')
    node = Object.hasOwn(node, key) ? (node as Record<string, unknown>)[key] : undefined
  }
  return node
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token)
  } catch {
    return token
  }
}

function anchorsIn(schema: JsonSchema): Map<string, object> {
  const anchors = new Map<string, object>()
  const look = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return
    const { $anchor, $dynamicAnchor, $id } = node as Readonly<Record<string, unknown>>
    for (const name of [$anchor, $dynamicAnchor]) {
      if (typeof name === 'string') anchors.set(`#${name}`, node)
    }
    if (typeof $id === 'string') anchors.set($id, node)
    for (const value of Object.values(node)) look(value)
  }
  look(schema)
  return anchors
}
