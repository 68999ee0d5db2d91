import type { Json } from '@agentfleet/domain'
import { isRecord } from '../shape.ts'

type Schema = Readonly<Record<string, Json>>

/**
 * Asks for JSON of a schema. It asks strictly only if the schema follows the rules of strict
 * providers (each object closed, each field required), because they refuse other schemas.
 */
export function responseFormatOf(schema: Schema) {
  return {
    type: 'json_schema',
    json_schema: { name: 'result', schema, strict: isStrict(schema) },
  }
}

function isStrict(schema: Schema): boolean {
  // Strict providers require an object at the root.
  return schema['type'] === 'object' && closed(schema)
}

function closed(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(closed)
  if (!isRecord(value)) return true
  const { properties, required, additionalProperties } = value
  if (typeof properties === 'object' || value['type'] === 'object') {
    const names = Object.keys(properties ?? {})
    const listed = Array.isArray(required) ? required : []
    if (additionalProperties !== false || !names.every((name) => listed.includes(name)))
      return false
  }
  return Object.values(value).every(closed)
}
