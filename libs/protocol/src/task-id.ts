import { createHash, randomUUID, type Hash } from 'node:crypto'

/** Task ids are UUIDs: version 7 (by time) without an idempotency key, version 8 (by hash) with one. */
export const TASK_ID_PATTERN =
  /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A new id that sorts by `nowMs` (UUIDv7, RFC 9562). */
export function newTaskId(nowMs: number): string {
  // Node draws random UUIDs from a pool, which is many times cheaper than bytes one id at a time.
  const random = randomUUID()
  const time = nowMs.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}

/** The id to which (tenant, idempotency key) always leads, for as long as the log lives (L1). */
export function keyedTaskId(tenant: string, key: string): string {
  const bytes = createHash('sha256').update(tenant).update('\0').update(key).digest()
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

/** The id of a task made by a run: the same step of the same task always gives the same ids. */
export function childTaskId(parentId: string, step: number, position: number): string {
  // A tenant's name cannot contain a slash, so no tenant's key leads here.
  return keyedTaskId(`child/${parentId}`, `${step}/${position}`)
}

/** The id of the task of one tick of a schedule. */
export function tickTaskId(tenant: string, schedule: string, tickMs: number): string {
  return keyedTaskId(`schedule/${tenant}`, `${schedule}/${tickMs}`)
}

/** Equal for equal specs in any order of their keys. */
export function hashSpec(asked: unknown): string {
  return fingerprint(createHash('sha256').update(canonicalJson(asked)))
}

/** `hashSpec` of a large spec; it awaits `pause` after each part that takes about a millisecond. */
export async function hashLargeSpec(asked: unknown, pause: () => Promise<void>): Promise<string> {
  const digest = createHash('sha256')
  for (const part of canonicalParts(asked)) {
    digest.update(part)
    await pause()
  }
  return fingerprint(digest)
}

function fingerprint(digest: Hash): string {
  return digest.digest('base64url').slice(0, 22)
}

/** JSON with sorted keys. Fingerprints are stored, so their order stays. */
function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  let text = ''
  for (const name of orderedNames(value)) {
    const field = (value as Readonly<Record<string, unknown>>)[name]
    if (field === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(field)}`
  }
  return `{${text}}`
}

/** The text of `canonicalJson` in parts. */
function* canonicalParts(value: unknown): Generator<string> {
  const written = { text: '' }
  yield* writeParts(value, written)
  yield written.text
}

/** Characters of a part of canonical JSON: numbers and short texts of this length take a millisecond. */
const PART_CHARS = 4 * 1024

/** Adds a value to the text, and yields the text whenever it is long enough. */
function* writeParts(value: unknown, written: { text: string }): Generator<string> {
  if (value === null || typeof value !== 'object') {
    written.text += JSON.stringify(value) ?? 'null'
    return
  }
  const isList = Array.isArray(value)
  written.text += isList ? '[' : '{'
  let first = true
  for (const name of isList ? value.keys() : orderedNames(value)) {
    const member = (value as Readonly<Record<string | number, unknown>>)[name]
    if (!isList && member === undefined) continue
    if (!first) written.text += ','
    first = false
    if (!isList) written.text += `${JSON.stringify(name)}:`
    if (member === null || typeof member !== 'object') {
      written.text += JSON.stringify(member) ?? 'null'
    } else yield* writeParts(member, written)
    if (written.text.length < PART_CHARS) continue
    yield written.text
    written.text = ''
  }
  written.text += isList ? ']' : '}'
}

/** The names of an object in their order, except that keys which are indexes come first, by their value. */
function orderedNames(value: object): string[] {
  const names = Object.keys(value)
  let indexes = 0
  // Every object lists its indexes first.
  while (indexes < names.length && isIndex(names[indexes] ?? '')) indexes += 1
  const rest = names.splice(indexes).sort()
  return indexes === 0 ? rest : names.concat(rest)
}

const DIGITS = /^(?:0|[1-9]\d{0,9})$/
/** The last index of an array is one less. */
const ARRAY_LENGTH_MAX = 4_294_967_295

/** Whether objects order a key by its value. */
function isIndex(name: string): boolean {
  return DIGITS.test(name) && Number(name) < ARRAY_LENGTH_MAX
}
