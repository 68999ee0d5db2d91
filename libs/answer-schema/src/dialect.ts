import type { Json } from '@agentfleet/domain'

/** A JSON schema as its author wrote it. */
export type JsonSchema = Readonly<Record<string, Json>>

/** The known versions of JSON schema. */
type Dialect = '2020-12' | 'draft-07'

const URLS: Readonly<Record<Dialect, RegExp>> = {
  '2020-12': /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/,
  // The helpers of the OpenAI SDKs write this one.
  'draft-07': /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/,
}

/** The version that a schema is written in; undefined: it names an unknown one. */
export function dialectOf({ $schema }: JsonSchema): Dialect | undefined {
  if ($schema === undefined) return '2020-12'
  if (typeof $schema !== 'string') return undefined
  if (URLS['2020-12'].test($schema)) return '2020-12'
  return URLS['draft-07'].test($schema) ? 'draft-07' : undefined
}
