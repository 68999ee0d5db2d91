import type { Json } from '@agentfleet/domain'

/** How a provider is asked for JSON of a schema. */
export interface ResponseFormat {
  readonly type: 'json_schema'
  readonly json_schema: {
    readonly name: string
    readonly schema: Record<string, unknown>
    readonly strict: boolean
  }
}

type Schema = Readonly<Record<string, Json>>

/**
 * Asks for JSON of a schema; strictly where the schema keeps the rules that providers have for it
 * (each object closed, each field required), as they refuse others.
 */
export function responseFormatOf(schema: Schema): ResponseFormat {
  return {
    type: 'json_schema',
    json_schema: { name: 'result', schema: { ...schema }, strict: isStrict(schema) },
  }
}

function isStrict(schema: Schema): boolean {
  // The root is an object for strict providers, and nothing else.
  return schema['type'] === 'object' && closed(schema)
}

function closed(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.every(closed)
  if (typeof value !== 'object' || value === null) return true
  const { properties, required, additionalProperties } = value
  if (typeof properties === 'object' || value['type'] === 'object') {
    const names = Object.keys(properties ?? {})
    const listed = Array.isArray(required) ? required : []
    if (additionalProperties !== false || !names.every((name) => listed.includes(name)))
      return false
  }
  return Object.values(value).every(closed)
}
