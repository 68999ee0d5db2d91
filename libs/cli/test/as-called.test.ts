import { expect, test } from 'vitest'
import { run, serve } from './command-runs.ts'
import { SUMMARIES } from './render/tasks.ts'

test('a person who calls the command line with npx reads commands that begin with npx, and texts of tasks stay unchanged', async () => {
  const npx = { npm_lifecycle_event: 'npx' }
  const answers: Readonly<Record<string, object>> = {
    '/v1/tasks?limit=50': { tasks: [] },
    '/v1/tasks?limit=7': { tasks: [{ ...SUMMARIES[0], preview: 'agentfleet ls' }] },
    '/v1/goals?limit=50': { goals: [] },
    '/v1/tasks:cancel': { matched: 0, cancelled: 0, failed: [], taskIds: [] },
  }
  const unknown = { title: 'Unknown', status: 404, detail: 'Why.', code: 'task-not-found' }
  await using server = await serve(({ url = '' }, response) => {
    const answer = answers[url]
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? unknown))
  })
  for (const [line, text] of [
    ['help', 'npx --no agentfleet COMMAND [arguments] [options]\n'],
    ['help ls', '\nnpx --no agentfleet ls --all '],
    ['lss', 'Run "npx --no agentfleet help" for a list'],
    ['ls x', 'Run "npx --no agentfleet ls --help".'],
    ['get t', '\n"npx --no agentfleet ls" lists your tasks.'],
    ['get t --json', '\\n\\"npx --no agentfleet ls\\" lists your tasks.'],
    ['ls', 'Submit a task with: npx --no agentfleet submit'],
    ['goals', 'Submit a goal with: npx --no agentfleet goals submit'],
    ['cancel --all -a a --dry-run', '"npx --no agentfleet ls --count agent"'],
    ['ls -n 7', '  agentfleet ls\n'],
  ] as const) {
    const ran = await run(server.url, line.split(' '), {}, npx)
    expect(ran.out + ran.err).toContain(text)
    const plain = await run(server.url, line.split(' '))
    expect(plain.out + plain.err).toBe((ran.out + ran.err).replaceAll('npx --no ', ''))
  }
})
