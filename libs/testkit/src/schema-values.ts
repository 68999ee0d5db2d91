import fc from 'fast-check'

/**
 * Values for a schema of openapi.yaml: valid ones that favour the bounds, and ones just beyond each bound. It
 * reads the keywords that the document uses and throws at other schemas.
 */

/** A schema of the document, as far as values are made from it. */
export interface ValueSchema {
  readonly $ref?: string
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly oneOf?: readonly ValueSchema[]
  /** Forms: a value has one of them and also obeys the other rules of the schema. */
  readonly anyOf?: readonly ValueSchema[]
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly items?: ValueSchema
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly propertyNames?: ValueSchema
  readonly additionalProperties?: boolean | ValueSchema
  readonly properties?: Readonly<Record<string, ValueSchema>>
  readonly required?: readonly string[]
}

/** The source of values. */
export interface ValueSource {
  /** The named schemas of the document. */
  readonly schemas: Readonly<Record<string, ValueSchema>>
  /** Values that no schema describes, by the name of the schema or of the field. */
  readonly special?: Readonly<Record<string, fc.Arbitrary<unknown>>>
}

/** Longer texts repeat one character, and are rare: they cost time. */
const SHORT_CHARS_MAX = 40
const LARGE_CHARS = 2_000
/** One of this many texts without a small bound has the maximum length. */
const LARGE_ONE_IN = 200
/** Characters of one to four bytes, and those that JSON has to escape. */
const FILLERS = ['x', 'é', '漢', '😀', '"', '\u0001', '\ud800']
/** Half of them are those of plain English; whole characters, as JSON schema counts them. */
const CHARACTERS = fc
  .oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0, max: 0x10_ff_ff }))
  .map((code) => String.fromCodePoint(code))
/** The gateway's JSON parser refuses it at any depth. */
const PROTO = '__proto__'
/** Patterns of the document match within this length, characters. */
const PATTERN_CHARS_MAX = 300

/** Valid values of a schema; `name` is that of its field. */
export function validValues(
  schema: ValueSchema,
  source: ValueSource,
  name = '',
): fc.Arbitrary<unknown> {
  const special = source.special?.[nameOf(schema, name)]
  if (special !== undefined) return special
  const plain = resolved(schema, source)
  if (plain.const !== undefined) return fc.constant(plain.const)
  if (plain.enum !== undefined) return fc.constantFrom(...plain.enum)
  if (plain.oneOf !== undefined) {
    return fc.oneof(...plain.oneOf.map((each) => validValues(each, source, name)))
  }
  if (plain.anyOf !== undefined) {
    const { anyOf, ...every } = plain
    return fc.oneof(...anyOf.map((form) => validValues({ ...every, ...form }, source, name)))
  }
  switch (plain.type) {
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return integers(plain)
    case 'number':
      return numbers(plain)
    case 'string':
      return texts(plain)
    case 'array':
      return lists(plain, source, name)
    case 'object':
      return objects(plain, source)
    case undefined:
      return fc.jsonValue({ maxDepth: 4 })
    default:
      throw new Error(`the generator has no values for a ${plain.type}`)
  }
}

function nameOf({ $ref }: ValueSchema, name: string): string {
  return $ref?.split('/').at(-1) ?? name
}

/** The schema behind a reference; keywords next to the reference take precedence. */
function resolved(schema: ValueSchema, { schemas }: ValueSource): ValueSchema {
  if (schema.$ref === undefined) return schema
  const { $ref, ...beside } = schema
  const target = schemas[nameOf(schema, '')]
  if (target === undefined) throw new Error(`${$ref} is not in the document`)
  return { ...target, ...beside }
}

function integers({ minimum = 0, maximum = 1_000_000 }: ValueSchema): fc.Arbitrary<number> {
  const edges = [minimum, maximum, Math.min(maximum, minimum + 1), Math.max(minimum, maximum - 1)]
  const between = fc.double({ min: minimum, max: maximum, noNaN: true }).map(asWritten(Math.round))
  return fc.oneof(fc.constantFrom(...edges), between)
}

/** JSON has no negative zero. */
function asWritten(made: (value: number) => number): (value: number) => number {
  return (value) => made(value) + 0
}

function numbers(schema: ValueSchema): fc.Arbitrary<number> {
  const { exclusiveMinimum, minimum = exclusiveMinimum ?? 0, maximum = 1_000_000 } = schema
  const least = exclusiveMinimum === undefined ? minimum : Number.MIN_VALUE
  const between = fc.double({ min: least, max: maximum, noNaN: true }).map(asWritten((n) => n))
  return fc.oneof(fc.constantFrom(least, maximum), between)
}

function texts(schema: ValueSchema): fc.Arbitrary<string> {
  const { pattern, format, minLength = 0, maxLength = LARGE_CHARS } = schema
  if (format !== undefined) return instants(format)
  if (pattern !== undefined) return matching(pattern, minLength, maxLength)
  const short = fc.string({
    unit: CHARACTERS,
    minLength,
    maxLength: Math.max(minLength, Math.min(maxLength, SHORT_CHARS_MAX)),
  })
  const longest = fc.constantFrom(...FILLERS).map((filler) => filler.repeat(maxLength))
  const weight = maxLength > LARGE_CHARS ? LARGE_ONE_IN : 4
  return fc.oneof({ weight, arbitrary: short }, { weight: 1, arbitrary: longest })
}

function instants(format: string): fc.Arbitrary<string> {
  const dates = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('9999-12-31T00:00:00Z'),
    noInvalidDate: true,
  })
  return dates.map((date) => date.toISOString().slice(0, format === 'date' ? 10 : undefined))
}

function matching(pattern: string, minLength: number, maxLength: number): fc.Arbitrary<string> {
  const expression = new RegExp(pattern, 'u')
  const fits = (text: string): boolean =>
    text.length >= minLength && text.length <= maxLength && expression.test(text)
  const lengths = Array.from({ length: PATTERN_CHARS_MAX }, (_, length) => 'a'.repeat(length))
  const edges = lengths.filter(fits)
  const drawn = fc.stringMatching(expression).filter(fits)
  const [shortest, longest] = [edges[0], edges.at(-1)]
  if (shortest === undefined || longest === undefined) return drawn
  return fc.oneof({ weight: 3, arbitrary: drawn }, fc.constantFrom(shortest, longest))
}

function lists(schema: ValueSchema, source: ValueSource, name: string): fc.Arbitrary<unknown[]> {
  const { items = {}, minItems: minLength = 0, maxItems = 10, uniqueItems } = schema
  const item = validValues(items, source, `${name}[]`)
  const make = (bounds: { minLength: number; maxLength: number }): fc.Arbitrary<unknown[]> =>
    uniqueItems === true
      ? fc.uniqueArray(item, { ...bounds, comparator: 'SameValueZero' })
      : fc.array(item, bounds)
  const few = make({ minLength, maxLength: Math.max(minLength, Math.min(maxItems, 4)) })
  const full = make({ minLength: Math.min(maxItems, 50), maxLength: maxItems })
  return fc.oneof({ weight: 6, arbitrary: few }, { weight: 1, arbitrary: full })
}

function objects(schema: ValueSchema, source: ValueSource): fc.Arbitrary<object> {
  const { properties, additionalProperties, minProperties = 0 } = schema
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(
      ([name, field]) => [name, validValues(field, source, name)] as const,
    )
    const known = { requiredKeys: [...(schema.required ?? [])] }
    return fc
      .record(Object.fromEntries(fields), known as { requiredKeys: never[] })
      .filter((made) => Object.keys(made).length >= minProperties)
  }
  if (typeof additionalProperties !== 'object')
    throw new Error('the generator has no values for an open object')
  const { propertyNames = { type: 'string', maxLength: 20 }, maxProperties = 10 } = schema
  const key = (validValues(propertyNames, source) as fc.Arbitrary<string>).filter(
    (name) => name !== PROTO,
  )
  const value = validValues(additionalProperties, source)
  const few = fc.dictionary(key, value, { maxKeys: Math.min(maxProperties, 3) })
  const full = fc.dictionary(key, value, { minKeys: maxProperties, maxKeys: maxProperties })
  return fc.oneof({ weight: 6, arbitrary: few }, { weight: 1, arbitrary: full })
}

/** One value beyond the bounds of a schema. */
export interface InvalidValue {
  /** The rule that the value breaks. */
  readonly breaks:
    | 'type'
    | 'above'
    | 'below'
    | 'too-long'
    | 'too-short'
    | 'pattern'
    | 'format'
    | 'enum'
    | 'too-many'
    | 'too-few'
    | 'duplicate'
    | 'unknown-field'
    | 'missing-field'
  /** The field within the value, as a JSON pointer; empty for the value itself. */
  readonly at: string
  readonly value: unknown
}

/** Values that each break one rule of a schema; everything else is valid as in this sample. */
export function invalidValues(
  schema: ValueSchema,
  source: ValueSource,
  sample: unknown,
): InvalidValue[] {
  const plain = resolved(schema, source)
  if (plain.enum !== undefined) return [own('enum', 'no value of the list'), own('type', 7)]
  switch (plain.type) {
    case 'boolean':
      return [own('type', 'yes'), own('type', 1)]
    case 'integer':
    case 'number':
      return invalidNumbers(plain)
    case 'string':
      return invalidTexts(plain)
    case 'array':
      return invalidLists(plain, source, sample)
    case 'object':
      return invalidObjects(plain, source, sample)
    case undefined:
    default:
      return []
  }
}

function own(breaks: InvalidValue['breaks'], value: unknown): InvalidValue {
  return { breaks, at: '', value }
}

function invalidNumbers(schema: ValueSchema): InvalidValue[] {
  const { type, minimum, exclusiveMinimum, maximum } = schema
  const wrong = [own('type', 'many'), own('type', null), own('type', {})]
  if (type === 'integer') wrong.push(own('type', Math.max(0, minimum ?? 0) + 0.5))
  if (maximum !== undefined) wrong.push(own('above', maximum + 1), own('above', 1e300))
  if (minimum !== undefined) wrong.push(own('below', minimum - 1), own('below', -1e300))
  if (exclusiveMinimum !== undefined) wrong.push(own('below', exclusiveMinimum))
  return wrong
}

function invalidTexts(schema: ValueSchema): InvalidValue[] {
  const { minLength = 0, maxLength, pattern, anyOf, format = anyOf?.[0]?.format } = schema
  const wrong = [own('type', 7), own('type', null), own('type', ['x'])]
  if (maxLength !== undefined) wrong.push(own('too-long', 'x'.repeat(maxLength + 1)))
  if (minLength > 0) wrong.push(own('too-short', 'x'.repeat(minLength - 1)))
  if (pattern !== undefined) wrong.push(own('pattern', '\u0000'), own('pattern', ''))
  if (format !== undefined) {
    wrong.push(own('format', '12'), own('format', '2026-02-30T00:00:00Z'), own('format', ''))
  }
  return wrong
}

function invalidLists(
  { items = {}, minItems = 0, maxItems, uniqueItems }: ValueSchema,
  source: ValueSource,
  sample: unknown,
): InvalidValue[] {
  const [first] = Array.isArray(sample) ? (sample as unknown[]) : []
  const wrong = [own('type', {}), own('type', 'x'), own('type', null)]
  if (minItems > 0) wrong.push(own('too-few', []))
  if (first === undefined) return wrong
  if (uniqueItems === true) wrong.push(own('duplicate', [first, first]))
  if (maxItems !== undefined) {
    const many = Array.from({ length: maxItems + 1 }, () => first)
    wrong.push(own('too-many', many))
  }
  const inner = invalidValues(items, source, first)
  return [...wrong, ...inner.map((each) => ({ ...each, at: `/0${each.at}`, value: [each.value] }))]
}

function invalidObjects(schema: ValueSchema, source: ValueSource, sample: unknown): InvalidValue[] {
  const { properties = {}, required = [], additionalProperties, maxProperties } = schema
  const given = (sample ?? {}) as Readonly<Record<string, unknown>>
  const wrong = [own('type', []), own('type', 'x'), own('type', null)]
  if (additionalProperties === false) wrong.push(own('unknown-field', { ...given, 'not known': 1 }))
  for (const name of required) {
    const { [name]: _left, ...rest } = given
    wrong.push(own('missing-field', rest))
  }
  if (typeof additionalProperties === 'object') {
    wrong.push(...invalidEntries(schema, additionalProperties, source))
    if (maxProperties !== undefined) {
      const keys = Array.from({ length: maxProperties + 1 }, (_, n) => [`k${n}`, 'v'])
      wrong.push(own('too-many', Object.fromEntries(keys)))
    }
  }
  for (const [name, field] of Object.entries(properties)) {
    for (const each of invalidValues(field, source, given[name])) {
      wrong.push({ ...each, at: `/${name}${each.at}`, value: { ...given, [name]: each.value } })
    }
  }
  return wrong
}

function invalidEntries(
  { propertyNames }: ValueSchema,
  entry: ValueSchema,
  source: ValueSource,
): InvalidValue[] {
  const wrong = invalidValues(entry, source, undefined).map(({ breaks, value }) =>
    own(breaks, { key: value }),
  )
  const { maxLength } = propertyNames === undefined ? {} : resolved(propertyNames, source)
  if (maxLength !== undefined) wrong.push(own('too-long', { ['k'.repeat(maxLength + 1)]: 'v' }))
  return wrong
}
