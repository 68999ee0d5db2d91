import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { chat, getJson, readAnswer, readChunks, startSimulator, textOf } from '../support.ts'

describe('the API of the LLM simulator', () => {
  it('streams chunks, the finish reason, the usage and [DONE]', async () => {
    await using simulator = await startSimulator()
    const response = await chat(simulator.url, {
      model: 'sim?tokens=12',
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(response.headers.get('x-simulated')).toBe('true')
    const chunks = await readChunks(response)
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1)
    expect(chunks.every((chunk) => chunk.object === 'chat.completion.chunk')).toBe(true)
    expect(chunks[0]?.choices[0]?.delta).toMatchObject({ role: 'assistant', content: '' })
    expect(textOf(chunks).split(' ')).toHaveLength(12)
    expect(textOf(chunks)).toMatch(/^\[simulated\] /)
    const usage = chunks.pop()
    expect(usage?.choices).toEqual([])
    expect(usage?.usage).toMatchObject({
      completion_tokens: 12,
      prompt_tokens: 2,
      total_tokens: 14,
    })
    expect(chunks.every((chunk) => chunk.usage === null)).toBe(true)
    expect(chunks.pop()?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' })
  })

  it('gives the same text whole and streamed, and another text for another prompt', async () => {
    await using simulator = await startSimulator()
    const whole = async (content: string) =>
      readAnswer(await chat(simulator.url, { messages: [{ role: 'user', content }] }))
    const first = await whole('a')
    const streamed = await chat(simulator.url, {
      stream: true,
      messages: [{ role: 'user', content: 'a' }],
    })
    expect(textOf(await readChunks(streamed))).toBe(first.choices[0]?.message.content)
    expect(first).toMatchObject({ object: 'chat.completion', system_fingerprint: 'fp_simulated' })
    const second = await whole('b')
    expect(second.choices[0]?.message.content).not.toBe(first.choices[0]?.message.content)
  })

  it('takes the length of the answer from the model name, otherwise from the request, and reports a cut answer', async () => {
    await using simulator = await startSimulator()
    const answer = async (body: Record<string, unknown>): Promise<unknown[]> => {
      const { choices, usage } = await readAnswer(await chat(simulator.url, body))
      return [usage.completion_tokens, choices[0]?.finish_reason]
    }
    expect(await answer({ model: 'sim?tokens=7' })).toEqual([7, 'stop'])
    expect(await answer({ max_tokens: 9 })).toEqual([9, 'stop'])
    expect(await answer({ max_completion_tokens: 8, sim: { tokens: 30 } })).toEqual([8, 'length'])
  })

  it('echoes the last user message, even if the message has several parts', async () => {
    await using simulator = await startSimulator()
    const text = `  Grüße, ${'x'.repeat(100)} 😀😀\n end `
    const messages = [
      { role: 'user', content: 'first' },
      { role: 'user', content: [{ type: 'text', text }] },
    ]
    const response = await chat(simulator.url, { model: 'sim-echo', stream: true, messages })
    expect(textOf(await readChunks(response))).toBe(text)
  })

  it('has the configured first-token time and token rate', async () => {
    await using simulator = await startSimulator()
    const startedAtMs = performance.now()
    const model = 'sim?ttft=100&tps=100&tokens=20'
    await readChunks(await chat(simulator.url, { model, stream: true }))
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(290)
  })

  it("refuses requests that OpenAI would refuse, in OpenAI's form", async () => {
    await using simulator = await startSimulator()
    const refusal = async (body: Record<string, unknown>): Promise<unknown[]> => {
      const response = await chat(simulator.url, body)
      const { error } = await readAnswer(response)
      expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code'])
      expect(response.headers.get('x-simulated')).toBe('true')
      return [response.status, error.type, error.param, error.code]
    }
    const wrong = 'invalid_request_error'
    expect(await refusal({ model: 'gpt' })).toEqual([404, wrong, 'model', 'model_not_found'])
    expect(await refusal({ messages: [] })).toEqual([400, wrong, 'messages', null])
    expect(await refusal({ max_tokens: 0 })).toEqual([400, wrong, 'max_tokens', null])
    expect(await refusal({ model: 'sim?tps=x' })).toEqual([
      400,
      wrong,
      'model',
      'invalid_sim_parameter',
    ])
    const post = (body: string): Promise<Response> =>
      fetch(`${simulator.url}/v1/chat/completions`, { method: 'POST', body })
    expect((await post('{"model":')).status).toBe(400)
    expect((await post(' '.repeat(4 * 1024 * 1024 + 1))).status).toBe(413)
    expect((await fetch(`${simulator.url}/v1/nothing`)).status).toBe(404)
    expect(simulator.stats()).toMatchObject({ started: 0, refusals: { invalid: 6 } })
  })

  it('answers the OpenAI SDK: text, stream, tools, models and retries', async () => {
    await using simulator = await startSimulator()
    const client = new OpenAI({ apiKey: 'none', baseURL: `${simulator.url}/v1` })
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const whole = await client.chat.completions.create({ model: 'sim-echo', messages })
    expect(whole.choices[0]?.message.content).toBe('hello')
    const retried = await client.chat.completions.create({
      model: 'sim-fast?fault=429&times=1&tokens=3',
      messages,
    })
    expect(retried.usage?.completion_tokens).toBe(3)
    const stream = client.chat.completions.stream({
      model: 'sim-steps?n=2&ms=1',
      messages,
      stream_options: { include_usage: true },
    })
    const final = await stream.finalChatCompletion()
    expect(final.choices[0]?.finish_reason).toBe('tool_calls')
    expect(final.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      id: 'call_0',
      type: 'function',
      function: { name: 'calculate', arguments: '{"expression":"0+1"}' },
    })
    expect(final.usage?.total_tokens).toBeGreaterThan(0)
    const models = (await client.models.list()).data
    expect(models.map((model) => model.id)).toContain('sim-fast')
    expect(await getJson(`${simulator.url}/sim/stats`)).toMatchObject({ refusals: { injected: 1 } })
  })
})
