import type { LlmRequest } from '../../llm/request.ts'
import {
  SAMPLING_FIELDS,
  type Capabilities,
  type SamplingField,
  type SentFields,
} from './capabilities.ts'
import { SIGNATURES } from '../answer/echo.ts'
import { shapeHistory, type Target, type WireMessage } from './history.ts'
import { responseFormatOf } from './response-format.ts'
import { isRecord } from '../shape.ts'
import type { ToolOffer } from '../../tools/tool.ts'
import { plainParameters } from './tool-schema.ts'

/** The request that is sent, and the parts of it that could be omitted. */
export interface WireRequest {
  readonly body: Readonly<Record<string, unknown>>
  readonly sent: SentFields
}

/** Builds the request of a call in the form that this endpoint accepts for this model. */
export function wireRequest(
  request: LlmRequest,
  target: Target & { readonly outputTokensMax: number | undefined },
  capabilities: Capabilities,
): WireRequest {
  const messages = shapeHistory(request.messages, target, capabilities)
  const tools = capabilities.tools || !request.toolsOptional ? request.tools : []
  const body: Record<string, unknown> = {
    model: target.model,
    messages,
    ...(tools.length === 0 ? {} : { tools: shapeTools(tools, capabilities.toolSchemas) }),
    ...(capabilities.stream ? { stream: true } : {}),
    ...(capabilities.stream && capabilities.streamOptions
      ? { stream_options: { include_usage: true } }
      : {}),
    ...formatOf(request, tools.length > 0, capabilities),
    ...samplingOf(request, capabilities),
  }
  const { tokensField, outputTokensMax: known = Infinity } = capabilities
  const outputTokensMax =
    target.outputTokensMax === undefined || tokensField === 'none'
      ? undefined
      : Math.min(target.outputTokensMax, known)
  if (outputTokensMax !== undefined) body[tokensField] = outputTokensMax
  return { body, sent: { ...sentOf(body, messages, request.toolsOptional), outputTokensMax } }
}

function shapeTools(tools: readonly ToolOffer[], schemas: Capabilities['toolSchemas']) {
  if (schemas === 'full') return tools
  return tools.map((tool) => ({
    ...tool,
    function: { ...tool.function, parameters: plainParameters(tool.function.parameters) },
  }))
}

function formatOf(request: LlmRequest, withTools: boolean, capabilities: Capabilities) {
  const { responseSchema } = request
  if (responseSchema === undefined || capabilities.responseFormat === 'none') return {}
  if (withTools && !capabilities.formatWithTools) return {}
  if (capabilities.responseFormat === 'json_schema') {
    return { response_format: responseFormatOf(responseSchema) }
  }
  return { response_format: { type: 'json_object' } }
}

function samplingOf({ sampling = {} }: LlmRequest, { dropped }: Capabilities) {
  const fields: Readonly<Record<SamplingField, unknown>> = {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    stop: sampling.stop,
    seed: sampling.seed,
    reasoning_effort: sampling.reasoningEffort,
    verbosity: sampling.verbosity,
  }
  const kept = SAMPLING_FIELDS.filter(
    (name) => fields[name] !== undefined && !dropped.includes(name),
  )
  return Object.fromEntries(kept.map((name) => [name, fields[name]]))
}

function sentOf(
  body: Readonly<Record<string, unknown>>,
  messages: readonly WireMessage[],
  toolsOptional: boolean,
): SentFields {
  return {
    names: Object.keys(body),
    hasSystem: messages.some(({ role }) => role === 'system' || role === 'developer'),
    hasToolCalls: messages.some(({ tool_calls: calls }) => calls !== undefined),
    hasReasoning: messages.some((message) =>
      Object.keys(message).some((name) => /^(reasoning|thinking)/.test(name)),
    ),
    hasSignatures: messages.some(isSigned),
    toolsOptional,
    contents: messages.map(({ content }) => content ?? ''),
  }
}

function isSigned(message: WireMessage): boolean {
  const { tool_calls: calls } = message
  const parts = [message, ...(Array.isArray(calls) ? calls : [])]
  return parts.some((part) => isRecord(part) && SIGNATURES in part)
}
