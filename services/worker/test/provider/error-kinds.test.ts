import { classifyFailure, isProviderFault } from '@agentfleet/domain'
import { describe, expect, test } from 'vitest'
import { readRefusal } from '../../src/provider/errors.ts'
import { event, failureOf, read } from './answers.ts'

/** What refusals mean, whatever their status is; a new wording is one row. */

describe('a refused call is not repeated, although the status of the refusal allows it,', () => {
  test.each<[number, string]>([
    [429, 'Rate limit reached for gpt-x on tokens per min (TPM): Limit 30000, Requested 33000.'],
    [429, 'Request too large for gpt-x: Limit 10,000, Requested 12,345. Visit the docs.'],
    [500, 'the input length exceeds the context length'],
    [500, 'the request exceeds the available context size, try increasing it'],
    [500, 'Prompt too long: 5152 tokens exceeds max_seq_len 2048'],
    [502, 'litellm.ContextWindowExceededError: prompt is too long: 9 tokens > 8 maximum'],
    [503, 'Input length 131393 exceeds the maximum allowed input length of 131040 tokens.'],
    [500, "Input length (265330) exceeds model's maximum context length (262144)."],
    [500, '输入长度超过模型的最大上下文长度'],
  ])('because the prompt does not fit: %i %s', (status, message) => {
    const failure = failureOf(status, message)
    expect(failure).toMatchObject({ kind: 'status', status: 413 })
    expect(classifyFailure(failure)).toEqual({ code: 'provider-refused', retryable: false })
    expect(isProviderFault(failure)).toBe(false)
  })

  test.each<[number, string, string?]>([
    [400, 'Your credit balance is too low to access the Anthropic API.'],
    [400, 'Access denied, please make sure your account is in good standing.', 'Arrearage'],
    [403, 'Your team has used all available credits or reached its monthly spending limit.'],
    [412, 'Account is suspended, possibly due to reaching the monthly spending limit.'],
    [
      429,
      'Your account org-x is suspended, please check your plan',
      'exceeded_current_quota_error',
    ],
    [429, '余额不足或无可用资源包,请充值。', '1113'],
    [429, 'You exceeded your current quota, please check your plan and billing details.'],
  ])('because the key has no money: %i %s', (status, message, code) => {
    expect(failureOf(status, message, code)).toMatchObject({ kind: 'status', status: 402 })
  })

  test.each<[number, string]>([
    [400, 'API key not valid. Please pass a valid API key.'],
    [400, 'Incorrect API key provided: xx***yy.'],
    [400, 'API key expired. Please renew the API key.'],
    [403, 'The api_key is invalid'],
  ])('because the key is not accepted: %i %s', (status, message) => {
    expect(failureOf(status, message)).toMatchObject({ kind: 'status', status: 401 })
  })

  test.each<[number, string, string?]>([
    [400, 'Model Not Exist', 'invalid_request_error'],
    [400, 'The model `x` has been decommissioned and is no longer supported.'],
    [400, 'Invalid model name passed in model=x. Call `/v1/models` to view available models.'],
    [400, 'The provided model identifier is invalid.'],
    [422, 'no such model: x'],
  ])('because there is no such model: %i %s', (status, message, code) => {
    expect(failureOf(status, message, code)).toMatchObject({ kind: 'status', status: 404 })
  })

  test.each<[number, string, string?]>([
    [400, 'The response was filtered due to the prompt', 'content_filter'],
    [400, 'Input data may contain inappropriate content.', 'data_inspection_failed'],
    [403, 'x requires moderation. Your input was flagged for "violence".'],
  ])('because a filter withheld its answer: %i %s', (status, message, code) => {
    expect(failureOf(status, message, code)).toMatchObject({ kind: 'withheld' })
  })
})

describe('a refusal of a provider is repeated', () => {
  test.each<[number, string, string?]>([
    [429, 'Rate limit reached: Limit 30000, Used 29000, Requested 2000. Please try again in 2s.'],
    [429, "This request would exceed your account's rate limit."],
    [429, 'ThrottlingException: Too many tokens, please wait before trying again.'],
    [503, 'The model is overloaded: too many tokens in flight'],
    [400, 'Rate exceeded', 'ThrottlingException'],
    [503, 'The request queue exceeds its limit'],
    [504, 'The request exceeds the time limit of a prompt'],
    [500, 'messages exceed the capacity of the input queue'],
    [429, 'Too many connections', 'load_balancer_busy'],
  ])('because of its rate, whatever else it says: %i %s', (status, message, code) => {
    expect(classifyFailure(failureOf(status, message, code)).retryable).toBe(true)
  })

  test.each<[string, string?]>([
    ["Failed to call a function. See 'failed_generation' for more details.", 'tool_use_failed'],
    ['tool call validation failed: /x: expected array', 'tool_use_failed'],
    ['Failed to generate JSON. Please adjust your prompt.', 'json_validate_failed'],
  ])('because its own model wrote what it cannot read: %s', (message, code) => {
    const failure = failureOf(400, message, code)
    expect(failure).toMatchObject({ kind: 'malformed' })
    expect(isProviderFault(failure)).toBe(true)
    expect(read([event({ error: { message, code, status_code: 400 } })]).answer).toMatchObject({
      failure: { kind: 'malformed' },
    })
  })
})

test('an error in the words of Python within the message of a gateway is read', () => {
  const message =
    "Error code: 400 - {'error': {'message': 'the model\\'s limit', 'code': 'x', 'param': None}}"
  expect(readRefusal(500, JSON.stringify({ detail: message }))).toMatchObject({
    message: "Error code: 400 - the model's limit",
    code: 'x',
  })
})
