import { z } from 'zod'
import { answer, offerOf, wrong, type Tool, type ToolOutput } from '../tool.ts'
import { createAddressRule, isRange } from './address.ts'
import { guardedGet, type Fetched, type Resolve } from './guarded-get.ts'
import { createHostRule, isHostPattern } from './host-rule.ts'

/** The settings of `http_fetch`; without allowed hosts the tool does not exist. */
export interface HttpFetchSettings {
  readonly allowed: readonly string[]
  readonly denied: readonly string[]
  /** Address ranges that may be reached although they are private. */
  readonly privateRanges: readonly string[]
  readonly bytesMax: number
  readonly timeoutMs: number
  /** Replaces the system's resolver. */
  readonly resolve?: Resolve
}

/** Servers refuse longer URLs, and a long URL could carry data out. */
const URL_MAX = 2_048
const TEXT = /^(text\/|application\/([\w.+-]+\+)?(json|xml|javascript|x-ndjson|yaml)\b)/i

const parameters = z.strictObject({ url: z.string().min(1).max(URL_MAX) })

/** Returns all problems of the variables that configure `http_fetch`. */
export function fetchProblems({
  allowed,
  denied,
  privateRanges,
}: Pick<HttpFetchSettings, 'allowed' | 'denied' | 'privateRanges'>): readonly string[] {
  const wrongHosts = (name: string, patterns: readonly string[]): readonly string[] =>
    patterns
      .filter((pattern) => !isHostPattern(pattern))
      .map((one) => `${name}: ${JSON.stringify(one)} is not a host pattern such as *.example.com`)
  return [
    ...wrongHosts('HTTP_FETCH_HOSTS', allowed),
    ...wrongHosts('HTTP_FETCH_DENIED_HOSTS', denied),
    ...privateRanges
      .filter((range) => !isRange(range))
      .map(
        (range) =>
          `HTTP_FETCH_PRIVATE_RANGES: ${JSON.stringify(range)} is not a range such as 10.1.0.0/16`,
      ),
  ]
}

/** Returns the tool with these settings, in which `fetchProblems` finds nothing; undefined if it is off. */
export function httpFetchTool(settings: HttpFetchSettings): Tool | undefined {
  const { allowed, denied, privateRanges } = settings
  if (allowed.length === 0) return undefined
  const options = {
    hosts: createHostRule(allowed, denied),
    addresses: createAddressRule(privateRanges),
    bytesMax: settings.bytesMax,
    ...(settings.resolve === undefined ? {} : { resolve: settings.resolve }),
  }
  const { $schema: _version, ...schema } = z.toJSONSchema(parameters)
  return {
    offer: offerOf(
      'http_fetch',
      'The tool fetches a URL by GET and answers with the text of the response.',
      schema,
    ),
    source: 'built-in',
    timeoutMs: settings.timeoutMs,
    approval: false,
    idempotent: true,
    check(args) {
      if (parameters.safeParse(args).success) return undefined
      return wrong(`the arguments must be {"url": "https://…"} with at most ${URL_MAX} characters`)
    },
    async run(args, { signal }) {
      const outcome = await guardedGet(parameters.parse(args).url, options, signal)
      if (outcome.kind === 'fetched') return outputOf(outcome.fetched)
      if (outcome.kind === 'refused') return wrong(`refused: ${outcome.reason}`)
      throw new Error(`could not be fetched: ${outcome.reason}`)
    },
  }
}

function outputOf({ status, url, contentType, body, cut }: Fetched): ToolOutput {
  const head = `HTTP ${status} ${contentType}\n${url}\n\n`
  if (!TEXT.test(contentType)) return answer(`${head}[${body.byteLength} bytes that are not text]`)
  const end = cut ? `\n[cut after ${body.byteLength} bytes]` : ''
  return answer(head + decode(body, contentType) + end)
}

function decode(body: Buffer, contentType: string): string {
  const [, charset = 'utf-8'] = /charset="?([\w-]+)/i.exec(contentType) ?? []
  try {
    return new TextDecoder(charset).decode(body)
  } catch {
    return new TextDecoder().decode(body)
  }
}
