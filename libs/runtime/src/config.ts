/**
 * Configuration from the environment: a zod object whose keys are the names of the variables. An empty
 * variable counts as unset, as orchestrators write "no value" both ways; an empty value is refused only
 * where it would remove a protection (`notEmpty`).
 */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { z } from 'zod'
import { ConfigError } from './config-error.ts'

/** The variables of a process, in the form of `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>

/** Limits of a number; without a default the variable must be set. */
export interface NumberOptions {
  min: number
  max: number
  default?: number
}

/** A whole number within its limits. */
export function integer(options: NumberOptions): z.ZodType<number> {
  return numeric('a whole number', /^[+-]?\d+$/, options)
}

/** A number, with or without a fraction, within its limits. */
export function decimal(options: NumberOptions): z.ZodType<number> {
  return numeric('a number', /^[+-]?\d+(\.\d+)?$/, options)
}

/** Any text, or only text that matches the pattern; without a default it must be set. */
export function text(
  options: { default?: string | (() => string); pattern?: RegExp; expected?: string } = {},
): z.ZodType<string> {
  const { pattern, expected = pattern ? `text that matches ${pattern}` : 'some text' } = options
  const schema = parsed((raw) => (raw === '' || pattern?.test(raw) === false ? undefined : raw))
  return finish(schema, expected, options.default)
}

/**
 * An absolute URL of one of these schemes, kept as text; the error never repeats a wrong one, as URLs may hold
 * passwords. `localhost:80` counts as a URL of the scheme `localhost`, so the scheme must be checked. A URL of
 * HTTP has no user and no password: `fetch` refuses such a URL, and repeats it in its error.
 */
export function url(schemes: readonly string[] = ['http', 'https']): z.ZodType<string> {
  const fits = (raw: string): boolean => schemes.some((scheme) => raw.startsWith(`${scheme}://`))
  const schema = parsed(
    (raw) => (fits(raw) && URL.canParse(raw) ? raw : undefined),
    'is not a URL',
  ).refine((raw) => !holdsCredentials(raw), {
    error:
      'has a user or a password, which requests over HTTP cannot send; remove them from the URL',
  })
  const beginnings = schemes.map((scheme) => `${scheme}://`).join(' or ')
  return finish(schema, `a URL that begins with ${beginnings}`)
}

/** Whether the URL is one of HTTP that names a user or a password. */
export function holdsCredentials(raw: string): boolean {
  if (!/^https?:/i.test(raw) || !URL.canParse(raw)) return false
  const { username, password } = new URL(raw)
  return username !== '' || password !== ''
}

/**
 * The URL of a server: scheme, host and port, and perhaps a user and a password. A client would read the rest
 * of a URL in its own way, and a password with an unescaped # or / ends the host before its time, so nothing
 * else may stand in the URL; `path` is what may follow the port.
 */
export function serverUrl(
  defaultValue: string,
  schemes: readonly string[],
  path: RegExp = /^\/?$/,
): z.ZodType<string> {
  return refined(
    url(schemes),
    (raw) => namesServer(raw, path),
    'is not only scheme, host and port, after a user and a password; remove the rest, and write #, /, ?, @ and % of a password as %23, %2F, %3F, %40 and %25',
  ).default(defaultValue)
}

function namesServer(raw: string, path: RegExp): boolean {
  if (!URL.canParse(raw)) return true
  const { hostname, pathname, search, hash } = new URL(raw)
  // A lone ? or # leaves no trace in the parts.
  const isBare = search === '' && hash === '' && !/[?#]/.test(raw)
  return isHost(hostname.replace(/^\[(.*)\]$/, '$1')) && path.test(pathname) && isBare
}

/** The name or the address of a host, without scheme, port or path. */
export function host(defaultValue?: string): z.ZodType<string> {
  const schema = parsed((raw) => (isHost(raw) ? raw : undefined))
  return finish(schema, 'the name or the address of a host, without scheme and port', defaultValue)
}

const HOST_NAME = /^[\w-]{1,63}(?:\.[\w-]{1,63}){0,30}\.?$/

/** Whether this is a name or an address; one with a zone (`fe80::1%eth0`) means nothing to another machine. */
function isHost(text: string): boolean {
  return isIP(text) === 0 ? HOST_NAME.test(text) : !text.includes('%')
}

/** Whether only this machine reaches the name or the address. */
export function isLoopback(address: string): boolean {
  return (
    address === 'localhost' ||
    address === '::1' ||
    (isIP(address) === 4 && address.startsWith('127.'))
  )
}

/** Texts separated by commas. */
export function list(defaultValue: readonly string[]): z.ZodType<readonly string[]> {
  const schema = parsed((raw): readonly string[] | undefined => {
    const parts = raw.split(',').map((part) => part.trim())
    const named = parts.filter((part) => part !== '')
    return named.length === 0 ? undefined : Object.freeze(named)
  })
  return finish(schema, 'texts separated by commas', defaultValue)
}

/** One of a few words. */
export function oneOf<const T extends string>(
  values: readonly T[],
  defaultValue?: NoInfer<T>,
): z.ZodType<T> {
  const schema = parsed((raw) => values.find((value) => value === raw))
  return finish(schema, `one of ${values.join(', ')}`, defaultValue)
}

/**
 * A text that is never shown; `NAME_FILE` may name a file that holds it. Blanks and line ends around it do not
 * count in either form: editors and `echo` add them, and then two processes would not have the same secret.
 */
export function secret(): z.ZodType<string> {
  const notBlank = z.string().refine((raw) => raw !== '', { error: 'is blank' })
  return notBlank.meta({ description: 'a secret (or NAME_FILE: a file with it)', secret: true })
}

/** A secret that is sent in a header; a client repeats one that no header carries in its error. */
export function headerSecret(): z.ZodType<string> {
  return refined(secret(), isSendable, `holds ${UNSENDABLE}`)
}

/** A secret with which texts are signed: who has a signed text can try keys without being noticed. */
export function signingSecret(): z.ZodType<string> {
  return refined(
    secret(),
    (raw) => raw === '' || raw.length >= SIGNING_CHARS_MIN,
    `needs ${SIGNING_CHARS_MIN} characters or more, chosen at random (openssl rand -hex 24)`,
  )
}

/** Drawn from hexadecimal digits, a key of this length has 64 random bits. */
const SIGNING_CHARS_MIN = 16

/** Whether a header carries the text unchanged, from the first character to the last. */
export function isSendable(text: string): boolean {
  return /^[!-~]*$/.test(text)
}

/** Says why a secret is not sendable. */
export const UNSENDABLE =
  'a blank, a control character or a character outside ASCII, which no header carries; copy it again'

/** A variable whose absence has a meaning that an empty value must not get by accident. */
export function notEmpty<T>(
  variable: z.ZodType<T>,
  unsetMeans: string,
): z.ZodOptional<z.ZodType<T>> {
  return variable.meta({ ...variable.meta(), unsetMeans }).optional()
}

/**
 * Rules between variables. Each gets the valid variables and returns its problems, `NAME: what is wrong, what
 * to do`; a ConfigError that it throws counts as such a problem.
 */
export function withRules<S extends z.ZodObject>(
  schema: S,
  ...rules: readonly ((config: Partial<z.output<S>>) => readonly string[])[]
): S {
  return schema.superRefine(
    (all, context) => {
      const wrong = new Set(context.issues.map(({ path }) => path?.[0]))
      const right = Object.entries(all).filter(([name]) => !wrong.has(name))
      const config = Object.fromEntries(right) as Partial<z.output<S>>
      for (const problem of rules.flatMap((rule) => problemsOf(rule, config))) {
        context.addIssue({ code: 'custom', message: problem, params: { whole: true } })
      }
    },
    // Checked even when single variables are wrong, so that all problems are reported at once.
    { when: ({ value }) => typeof value === 'object' && value !== null },
  )
}

function problemsOf<C>(rule: (config: C) => readonly string[], config: C): readonly string[] {
  try {
    return rule(config)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** The typed, frozen values of an environment; throws one ConfigError with every problem. */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Env): Readonly<z.output<S>> {
  const problems: string[] = []
  const raw: Record<string, string> = {}
  for (const name of Object.keys(schema.shape)) {
    const value = valueOf(schema, name, env, problems)
    if (value !== undefined) raw[name] = value
  }
  const result = schema.safeParse(raw)
  if (!result.success) {
    const reported = new Set(problems.map((problem) => problem.split(':')[0]))
    for (const issue of result.error.issues) {
      if (issue.code === 'custom' && issue.params?.['whole'] === true) {
        // A rule sees a wrong variable as unset, so that each wrong variable gets only one message.
        if (!reported.has(issue.message.split(':')[0] ?? '')) problems.push(issue.message)
        continue
      }
      const name = String(issue.path[0] ?? 'configuration')
      // A variable whose file was unreadable is missing as well; one message about it is enough.
      if (!reported.has(name)) problems.push(`${name}: ${describe(schema, name, raw, issue)}`)
      reported.add(name)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(result.data as z.output<S>)
}

/** Every name that the schema reads, `NAME_FILE` of its secrets included. */
export function envNames(schema: z.ZodObject): string[] {
  return Object.keys(schema.shape).flatMap((name) =>
    metaOf(schema, name)?.['secret'] ? [name, `${name}_FILE`] : [name],
  )
}

function numeric(kind: string, pattern: RegExp, { min, max, default: byDefault }: NumberOptions) {
  const schema = parsed((raw) => {
    const value = pattern.test(raw) ? Number(raw) : NaN
    return value >= min && value <= max ? value : undefined
  })
  return finish(schema, `${kind} from ${min} to ${max}`, byDefault)
}

/** A schema of text that is converted to a value; undefined means that the text is wrong. */
function parsed<T>(parse: (raw: string) => T | undefined, wrong?: string): z.ZodType<T> {
  return z.string().transform((raw, context): T => {
    const value = parse(raw.trim())
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: wrong ?? `is ${JSON.stringify(raw.slice(0, 80))}` })
    return z.NEVER
  })
}

function finish<T>(
  schema: z.ZodType<T>,
  description: string,
  byDefault?: T | (() => T),
): z.ZodType<T> {
  if (byDefault === undefined) return schema.meta({ description })
  const value = typeof byDefault === 'function' ? (byDefault as () => T) : () => byDefault
  return schema.default(value as () => never).meta({ description })
}

/** A text with a further rule; it keeps its meta data. */
function refined(
  schema: z.ZodType<string>,
  fits: (raw: string) => boolean,
  error: string,
): z.ZodType<string> {
  return schema.refine(fits, { error }).meta(schema.meta() ?? {})
}

function valueOf(schema: z.ZodObject, name: string, env: Env, problems: string[]) {
  const meta = metaOf(schema, name)
  const unsetMeans = meta?.['unsetMeans']
  if (typeof unsetMeans === 'string' && (env[name] === '' || env[`${name}_FILE`] === '')) {
    problems.push(`${name}: is empty; give it a value, or remove it (without it: ${unsetMeans})`)
    return undefined
  }
  const isSecret = meta?.['secret'] === true
  const given = env[name] || undefined
  const direct = isSecret ? given?.trim() : given
  const path = isSecret ? env[`${name}_FILE`] || undefined : undefined
  if (path === undefined) return direct
  if (direct !== undefined) {
    problems.push(`${name}: is set together with ${name}_FILE; set only one of the two variables`)
    return undefined
  }
  try {
    const content = readFileSync(path, 'utf8').trim()
    if (content !== '') return content
    problems.push(`${name}: the file ${path} of ${name}_FILE is empty; write the value into it`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    problems.push(
      `${name}: the file ${path} of ${name}_FILE cannot be read (${code}); correct the path`,
    )
  }
  return undefined
}

function describe(
  schema: z.ZodObject,
  name: string,
  raw: Readonly<Record<string, string>>,
  issue: { message: string },
) {
  const expected = metaOf(schema, name)?.description
  const known = name in schema.shape
  const wrong = known && raw[name] === undefined ? 'is not set' : issue.message
  return expected === undefined ? wrong : `${wrong}; expected ${expected}${unitOf(name)}`
}

/** The unit of a number, which stands at the end of the name of its variable. */
function unitOf(name: string): string {
  if (name.endsWith('_MS')) return ' (milliseconds)'
  return name.endsWith('_BYTES') ? ' (bytes)' : ''
}

/** The meta data of a variable's schema, even inside `.optional()` and other wrappers. */
function metaOf(schema: z.ZodObject, name: string): z.GlobalMeta | undefined {
  let inner: unknown = schema.shape[name]
  while (inner instanceof z.ZodType) {
    const meta = inner.meta()
    if (meta) return meta
    const outer: z.ZodType = inner
    inner =
      outer instanceof z.ZodOptional || outer instanceof z.ZodDefault ? outer.unwrap() : undefined
  }
  return undefined
}
