import { SAMPLING_FIELDS, type Capabilities, type SentFields } from './capabilities.ts'
import { complaintOf } from './complaint.ts'
import { NO_MODEL, OWN_ANSWER, TOO_LONG } from '../error-kinds.ts'
import { fewerTokens, type Adaptation } from './output-limit.ts'
import type { ProviderError } from '../errors.ts'
import { applies, LESSONS, refusalOf, sends, TOOL_ID } from './lessons.ts'

/** Decides what the refusal of a request teaches. Pure: the client acts. */

/**
 * Statuses with which endpoints refuse a field: bad request, not found (routers), unprocessable,
 * not implemented.
 */
const REFUSALS = [400, 404, 405, 415, 422, 501]
/** Gateways report a refusal as their own error; it counts only if it names the field. */
const TROUBLES = [500, 502]

/** The model as a whole is refused. */
const ABOUT_MODEL = /invalid.?model|model( \S+)? is not (supported|available)/i
/** The refusal concerns a field that it does not name. */
const UNNAMED =
  /\b(extra|unknown|unrecognized|unexpected|unsupported|additional|malformed)\b|not (supported|permitted|allowed|recognized)|invalid (field|param|argument|request)|参数|字段|パラメータ|파라미터|unbekannt|ungültig|desconocid|inconnu|неизвест/i
/** The server was started without a feature, which some report as their own error. */
const NOT_SWITCHED_ON = /\brequires? (the )?['"`]?--\w|\bdoes(n't| not) support\b/i
/** The refusal gives no reason. */
const NO_REASON =
  /^[\W\d]*(invalid_request_error\W+)?(bad request|unprocessable (entity|content)|malformed request|error)\W*$/i

/** Decides what a refusal teaches: the capabilities for the next try; undefined if nothing can be omitted. */
export function learnRefusal(
  now: Capabilities,
  error: Pick<ProviderError, 'status' | 'message' | 'param' | 'code'>,
  sent: SentFields,
): Adaptation | undefined {
  const trouble = TROUBLES.includes(error.status)
  if (!REFUSALS.includes(error.status) && !trouble) return undefined
  const { param = '', code = '' } = error
  const refusal = refusalOf(`${param} ${code} ${complaintOf(error, sent.contents)}`, param)
  // The request was accepted; the model's own answer was not.
  if (OWN_ANSWER.test(refusal.text)) return undefined
  const fewer = trouble ? undefined : fewerTokens(now, refusal.text, sent.outputTokensMax)
  if (fewer !== undefined) return fewer
  if (TOO_LONG.test(refusal.text) && !TOOL_ID.test(refusal.text)) return undefined
  if (NO_MODEL.test(refusal.text)) return undefined
  const named = !trouble || UNNAMED.test(refusal.text) || NOT_SWITCHED_ON.test(refusal.text)
  const lesson = named && LESSONS.find((each) => applies(each, refusal, sent, now))
  if (lesson) return { reason: lesson.name, capabilities: { ...now, ...lesson.next(now, refusal) } }
  const plainest = plainestOf(now, sent)
  const unnamed =
    !trouble &&
    (UNNAMED.test(refusal.text) || NO_REASON.test(refusal.text)) &&
    !ABOUT_MODEL.test(refusal.text)
  if (!unnamed || plainest === undefined) return undefined
  return { reason: 'unnamed field', capabilities: plainest }
}

/** Combines the known capabilities with those that a call has found since it began. */
export function mergeLessons(
  now: Capabilities,
  before: Capabilities,
  after: Capabilities,
): Capabilities {
  const changed = Object.entries(after).filter(
    ([name, value]) => value !== before[name as keyof Capabilities],
  )
  return {
    ...now,
    ...(Object.fromEntries(changed) as Partial<Capabilities>),
    dropped: [...new Set([...now.dropped, ...after.dropped])],
  }
}

/** Returns the request with only model, messages and tools; undefined if it already was that. */
function plainestOf(now: Capabilities, sent: SentFields): Capabilities | undefined {
  const extras = ['stream_options', 'response_format', 'max_completion_tokens', ...SAMPLING_FIELDS]
  if (!extras.some((name) => sends(sent, name))) return undefined
  return {
    ...now,
    streamOptions: false,
    responseFormat: 'none',
    tokensField: now.tokensField === 'max_completion_tokens' ? 'max_tokens' : now.tokensField,
    dropped: SAMPLING_FIELDS.filter((name) => now.dropped.includes(name) || sends(sent, name)),
  }
}
