import { jsonIn } from '@agentfleet/domain'
import type { z } from 'zod'
import { ServiceError } from '../errors.ts'

/** The value of a text, or the problem that keeps this release from reading it. */
export type Parsed<T> =
  | { readonly kind: 'parsed'; readonly value: T }
  | { readonly kind: 'unreadable'; readonly problem: ServiceError }

/** A reason names a field and its fault; it appears in logs and answers. */
const REASON_MAX = 200
/** Faulty fields that are named for one text. */
const ISSUES_NAMED = 3

/** The faults that a schema found in a value. */
export interface Issues {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]
}

/** Parses a text by its schema; never throws. The problem repeats no part of the text, which may be secret. */
export function parseText<T>(text: string, schema: z.ZodType<T>): Parsed<T> {
  return parseValue(jsonIn(text), schema)
}

/** The same for parsed JSON; undefined stands for a text that is not JSON. */
export function parseValue<T>(value: unknown, schema: z.ZodType<T>): Parsed<T> {
  if (value === undefined) return unreadable('the text is not JSON')
  const { data, error } = schema.safeParse(value)
  return error === undefined
    ? { kind: 'parsed', value: data }
    : unreadable(`the text has wrong fields: ${reasonOf(error)}`)
}

/** The value; throws the problem of an unreadable text (`bad-message`, `newer-format`). */
export function requireParsed<T>(parsed: Parsed<T>): T {
  if (parsed.kind === 'parsed') return parsed.value
  throw parsed.problem
}

/** A text that cannot be read for this reason. */
export function unreadable(
  reason: string,
): Extract<Parsed<never>, { readonly kind: 'unreadable' }> {
  return { kind: 'unreadable', problem: new ServiceError('bad-message', reason) }
}

/** The first faults, in one bounded line. */
export function reasonOf({ issues }: Issues): string {
  const named = issues.slice(0, ISSUES_NAMED)
  const said = named.map(({ path, message }) => `${path.map(String).join('.') || '.'}: ${message}`)
  return said.join('; ').slice(0, REASON_MAX)
}
