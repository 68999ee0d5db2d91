import { Ajv2020 } from 'ajv/dist/2020.js'
import type { AgentDefinitionView } from '@agentfleet/protocol'
import { Refusal } from '../http/problems.ts'

/** A schema travels with every task of its agent and into every prompt of it, bytes. */
const SCHEMA_BYTES_MAX = 32 * 1024
/** Deeper schemas break recursive readers further on. */
const SCHEMA_DEPTH_MAX = 32

const schemas = new Ajv2020({ strict: false })

/** Throws a Refusal for a definition that no worker could use. */
export function checkDefinition(definition: AgentDefinitionView, pointer = ''): void {
  const { responseSchema } = definition
  if (responseSchema !== undefined) checkResponseSchema(responseSchema, `${pointer}/responseSchema`)
}

/** Throws a Refusal for what is no JSON schema, or too large a one. It is not compiled here. */
export function checkResponseSchema(schema: object, pointer: string): void {
  if (depthOf(schema) > SCHEMA_DEPTH_MAX) {
    throw wrong(pointer, `must be at most ${SCHEMA_DEPTH_MAX} levels deep`)
  }
  if (Buffer.byteLength(JSON.stringify(schema)) > SCHEMA_BYTES_MAX) {
    throw wrong(pointer, `must be at most ${SCHEMA_BYTES_MAX / 1024} kB of JSON`)
  }
  if (schemas.validateSchema(schema) !== true) {
    const [error] = schemas.errors ?? []
    const place = error?.instancePath ? `at ${error.instancePath} ` : ''
    throw wrong(
      pointer,
      `must be a JSON schema (2020-12): ${place}${error?.message ?? 'it is not'}`,
    )
  }
}

function wrong(pointer: string, detail: string): Refusal {
  return new Refusal('invalid-request', `Correct the request: ${pointer} ${detail}.`, [
    { pointer, detail },
  ])
}

function depthOf(value: unknown, depth = 0): number {
  if (value === null || typeof value !== 'object' || depth > SCHEMA_DEPTH_MAX) return depth
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value)
  return inner.reduce<number>((most, each) => Math.max(most, depthOf(each, depth + 1)), depth + 1)
}
