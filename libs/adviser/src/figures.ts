/**
 * The content of a prompt. A question declares each figure; undeclared figures are refused, so that no text
 * of a task, a log or an error can ever reach the model.
 */

/** A number, a switch, or one of the names listed here. */
export type FigureKind = 'number' | 'boolean' | readonly string[]

/** At most this many rows of the same figures: the candidates of a choice, the last minutes of a load. */
export interface RowsKind {
  readonly rowsMax: number
  readonly row: Readonly<Record<string, FigureKind>>
}

/** The figures of a question, by name. */
export type SeenShape = Readonly<Record<string, FigureKind | RowsKind>>

type Figure<K> = K extends 'number'
  ? number
  : K extends 'boolean'
    ? boolean
    : K extends readonly (infer Name)[]
      ? Name
      : never

/** Values for a shape: exactly the declared ones. */
export type Seen<S extends SeenShape> = {
  readonly [Name in keyof S]: S[Name] extends RowsKind
    ? readonly { readonly [Column in keyof S[Name]['row']]: Figure<S[Name]['row'][Column]> }[]
    : Figure<S[Name]>
}

/** The prompt made of some figures, or why there is none. */
type PromptResult =
  | { readonly kind: 'ok'; readonly prompt: string }
  | { readonly kind: 'refused'; readonly why: string }

/** Pattern of names and enum members: a name cannot read as an instruction. */
const WORD = /^[A-Za-z][\w.-]{0,47}$/
/** A usual prompt has a few hundred characters; this holds a large table, and bounds the cost. */
const PROMPT_CHARACTERS_MAX = 16_000
/** Digits of a number in the prompt; more only cost tokens. */
const SIGNIFICANT_DIGITS = 6

/** The fault of a shape, if any. */
export function problemOfShape(shape: SeenShape): string | undefined {
  for (const [name, kind] of Object.entries(shape)) {
    if (!WORD.test(name)) return `figure ${name} is not a lower-case word`
    const columns = isRows(kind) ? Object.entries(kind.row) : [[name, kind] as const]
    for (const [column, of] of columns) {
      if (!WORD.test(column)) return `column ${column} of ${name} is not a lower-case word`
      const wrong = typeof of === 'string' ? undefined : of.find((member) => !WORD.test(member))
      if (wrong !== undefined) return `a name of ${column} is not a lower-case word: ${wrong}`
    }
  }
  return undefined
}

/** Writes the prompt; values that differ from the declaration are refused and never repeated. */
export function promptOf(shape: SeenShape, seen: unknown): PromptResult {
  const copied = copyOf(shape, seen, (kind, value, name) =>
    isRows(kind) ? copyRows(kind, value, name) : copyFigure(kind, value, name),
  )
  if ('why' in copied) return { kind: 'refused', why: copied.why }
  const prompt = JSON.stringify(copied.value)
  return prompt.length > PROMPT_CHARACTERS_MAX
    ? { kind: 'refused', why: `the figures take more than ${PROMPT_CHARACTERS_MAX} characters` }
    : { kind: 'ok', prompt }
}

type Copied = { readonly value: unknown } | { readonly why: string }

function copyOf<K>(
  shape: Readonly<Record<string, K>>,
  seen: unknown,
  copy: (kind: K, value: unknown, name: string) => Copied,
): Copied {
  if (typeof seen !== 'object' || seen === null) return { why: 'there are no figures' }
  if (Object.keys(seen).some((name) => !Object.hasOwn(shape, name))) {
    return { why: 'the question does not declare one of its figures' }
  }
  const values: Record<string, unknown> = {}
  for (const [name, kind] of Object.entries(shape)) {
    const copied = copy(kind, (seen as Record<string, unknown>)[name], name)
    if ('why' in copied) return copied
    values[name] = copied.value
  }
  return { value: values }
}

function copyRows(kind: RowsKind, value: unknown, name: string): Copied {
  if (!Array.isArray(value)) return { why: `${name} is not a list of rows` }
  if (value.length > kind.rowsMax) return { why: `${name} has more than ${kind.rowsMax} rows` }
  const rows: unknown[] = []
  for (const row of value as readonly unknown[]) {
    const copied = copyOf(kind.row, row, copyFigure)
    if ('why' in copied) return { why: `${name}: ${copied.why}` }
    rows.push(copied.value)
  }
  return { value: rows }
}

function copyFigure(kind: FigureKind, value: unknown, name: string): Copied {
  if (kind === 'number') {
    if (typeof value !== 'number' || !Number.isFinite(value))
      return { why: `${name} is not a number` }
    return { value: Number(value.toPrecision(SIGNIFICANT_DIGITS)) }
  }
  if (kind === 'boolean') {
    return typeof value === 'boolean' ? { value } : { why: `${name} is neither true nor false` }
  }
  return typeof value === 'string' && kind.includes(value)
    ? { value }
    : { why: `${name} is not one of the declared names` }
}

function isRows(kind: FigureKind | RowsKind): kind is RowsKind {
  return typeof kind === 'object' && 'rowsMax' in kind
}
