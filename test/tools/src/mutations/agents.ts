import type { Mutation } from './mutation.ts'

/** Runs of agents: tools, fetches, answers, providers, replays. */
export const AGENTS: readonly Mutation[] = [
  {
    name: 'approval-asked',
    safeguard: 'a tool that needs approval is not called without it',
    edits: [
      {
        file: 'services/worker/src/run/tool-turn.ts',
        find: '|| (approval === undefined && needsApproval(tools, call))',
        replace: '|| (approval !== undefined && needsApproval(tools, call))',
      },
    ],
    tests: ['services/worker/test/run/agent-loop.test.ts'],
    caughtBy: /is not made before the approval, and the run pauses/,
    because: /kind: 'paused'/,
  },
  {
    name: 'approval-refused',
    safeguard: 'a call that was refused is not made',
    edits: [
      {
        file: 'services/worker/src/run/tool-turn.ts',
        find: 'if (approval?.approved === false) return { ...asked',
        replace: 'if (approval?.approved === true) return { ...asked',
      },
    ],
    tests: ['services/worker/test/run/agent-loop.test.ts'],
    caughtBy: /is not made after a refusal/,
    because: /to deeply equal \[\]|amount/,
  },
  {
    name: 'turns-max',
    safeguard: 'a run makes only so many LLM calls (L7)',
    edits: [
      {
        file: 'services/worker/src/run/agent-loop.ts',
        find: 'if (talk.turns >= Math.min(deps.turnsMax, spec.limits?.turnsMax ?? deps.turnsMax)) {',
        replace: 'if (talk.turns >= 100) {',
      },
    ],
    tests: ['services/worker/test/run/agent-loop.test.ts'],
    caughtBy: /ends when it has used all its LLM calls/,
    because: /expected|kind/,
  },
  {
    name: 'result-max',
    safeguard: 'a result is only so large (L7)',
    edits: [
      {
        file: 'services/worker/src/run/turn.ts',
        find: 'return Buffer.byteLength(JSON.stringify(value)) <= bytesMax',
        replace: 'return bytesMax > 0 && value !== undefined',
      },
    ],
    tests: ['services/worker/test/run/agent-loop.test.ts'],
    caughtBy: /fails when its result is larger/,
    because: /to match object \{ kind: 'failed'/,
  },
  {
    name: 'answer-max',
    safeguard: 'an answer is only so large (L7)',
    edits: [
      {
        file: 'services/worker/src/llm/route.ts',
        find: 'if (characters <= context.outputBytesMax) return',
        replace: 'if (characters <= Infinity) return',
      },
    ],
    tests: [
      'services/worker/test/llm/llm.test.ts',
      '-t',
      'an LLM call ends',
      '--testTimeout=15000',
    ],
    caughtBy: /an LLM call ends when its answer is too large/,
    because: /expected/,
  },
  {
    name: 'ssrf-private',
    safeguard: 'http_fetch reaches no private address',
    edits: [
      {
        file: 'services/worker/src/tools/fetch/address.ts',
        find: "exceptions.check(address, 'ipv4') || !deniedV4.check(address, 'ipv4')",
        replace: "exceptions.check(address, 'ipv4') || isIPv4(address)",
      },
    ],
    tests: ['services/worker/test/tools/http-fetch-tool.test.ts'],
    caughtBy: /10\.1\.2\.3 may not be reached/,
    because: /expected true to be false/,
  },
  {
    name: 'ssrf-embedded',
    safeguard: 'http_fetch reaches no private address that is written as IPv6',
    edits: [
      {
        file: 'services/worker/src/tools/fetch/address.ts',
        find: "if (embedding.check(address, 'ipv6')) return allowsV4(embeddedV4(address))",
        replace: "if (embedding.check(address, 'ipv6')) return true",
      },
    ],
    tests: ['services/worker/test/tools/http-fetch-tool.test.ts'],
    caughtBy: /::ffff:127\.0\.0\.1 may not be reached/,
    because: /expected true to be false/,
  },
  {
    name: 'ssrf-every-address',
    safeguard: 'http_fetch refuses a name that has a private address together with a public one',
    edits: [
      {
        file: 'services/worker/src/tools/fetch/guarded-get.ts',
        find: 'const bad = found.find(({ address }) => !addresses.allows(address))',
        replace: 'const bad = found.slice(0, 1).find(({ address }) => !addresses.allows(address))',
      },
    ],
    tests: ['services/worker/test/tools/http-fetch-tool.test.ts'],
    caughtBy: /even if it also resolves to a public address/,
    because: /not public/,
  },
  {
    name: 'ssrf-redirect',
    safeguard: 'http_fetch follows redirects to allowed hosts only',
    edits: [
      {
        file: 'services/worker/src/tools/fetch/guarded-get.ts',
        find: "if (reason !== undefined) return { kind: 'refused', reason }",
        replace: "if (reason !== undefined && redirects === 0) return { kind: 'refused', reason }",
      },
    ],
    tests: ['services/worker/test/tools/http-fetch-tool.test.ts'],
    caughtBy: /does not follow a redirect/,
    because: /refused/,
  },
  {
    name: 'ssrf-pinned',
    safeguard: 'http_fetch connects to the address that it has checked',
    edits: [
      {
        file: 'services/worker/src/tools/fetch/guarded-get.ts',
        find: 'lookup: pinned,',
        replace: '...(pinned.length < 0 ? { lookup: pinned } : {}),',
      },
    ],
    tests: ['services/worker/test/tools/http-fetch-tool.test.ts'],
    caughtBy: /connects to the address that was checked/,
    because: /rebound/,
  },
  {
    name: 'repair-turn',
    safeguard: 'an answer that does not fit its schema is asked for again',
    edits: [
      {
        file: 'services/worker/src/run/conversation.ts',
        find: 'if (talk.repairs >= repairsMax) return',
        replace: 'if (talk.repairs >= 0) return',
      },
    ],
    tests: ['services/worker/test/run/conversation.test.ts'],
    caughtBy: /is requested again with a list of its defects/,
    because: /expected/,
  },
  {
    name: 'repairs-max',
    safeguard: 'an answer is asked for again only so often (L7)',
    edits: [
      {
        file: 'services/worker/src/run/conversation.ts',
        find: 'if (talk.repairs >= repairsMax) return',
        replace: 'if (talk.repairs >= Infinity) return',
      },
    ],
    tests: ['services/worker/test/run/conversation.test.ts'],
    caughtBy: /is requested again with a list of its defects/,
    because: /expected/,
  },
  {
    name: 'answer-schema',
    safeguard: 'an answer is checked against its schema',
    edits: [
      {
        file: 'libs/answer-schema/src/compiled-schema.ts',
        find: "if (validate(value)) return { kind: 'valid', value }",
        replace: "if (validate(value) || value !== null) return { kind: 'valid', value }",
      },
    ],
    tests: ['libs/answer-schema/test/answer-checks.test.ts'],
    caughtBy: /is refused with a list of all its problems/,
    because: /to deeply equal/,
  },
  {
    name: 'tool-time',
    safeguard: 'a tool that does not end is left at its time limit (L7)',
    edits: [
      {
        file: 'services/worker/src/tools/run-tool.ts',
        find: "const timer = setTimeout(() => controller.abort('time'), limitMs)",
        replace: 'const timer = setTimeout(() => undefined, limitMs)',
      },
    ],
    tests: [
      'services/worker/test/tools/tools.test.ts',
      '-t',
      'running a tool',
      '--testTimeout=5000',
    ],
    caughtBy: /ends a tool that ignores its signal/,
    because: /./,
  },
  {
    name: 'tool-output-max',
    safeguard: 'the output of a tool is cut at its bound (L7)',
    edits: [
      {
        file: 'services/worker/src/tools/run-tool.ts',
        find: 'if (text.length <= charactersMax) return { text, error }',
        replace: 'if (text.length <= Infinity) return { text, error }',
      },
    ],
    tests: ['services/worker/test/tools/tools.test.ts', '-t', 'running a tool'],
    caughtBy: /cuts an answer above the limit/,
    because: /expected/,
  },
  {
    name: 'tool-idempotent',
    safeguard: 'only an idempotent tool is called again by itself',
    edits: [
      {
        file: 'services/worker/src/tools/run-tool.ts',
        find: 'const triesMax = tool.idempotent ? TRIES_MAX : 1',
        replace: 'const triesMax = TRIES_MAX',
      },
    ],
    tests: ['services/worker/test/tools/tools.test.ts', '-t', 'running a tool'],
    caughtBy: /reports the message of an ordinary error to the model/,
    because: /expected/,
  },
  {
    name: 'limiter-closed',
    safeguard: 'no node calls a provider again before the time that its refusal gives',
    edits: [
      {
        file: 'services/worker/src/limits/limiter.ts',
        find: 'const closeMs = Math.min(RETRY_AFTER_MAX_MS, Math.max(1, closedMs))',
        replace: 'const closeMs = Math.min(1, closedMs)',
      },
    ],
    tests: ['services/worker/test/limits/limiter.test.ts', '--testTimeout=15000'],
    caughtBy: /admits no call after a refusal until the pause/,
    because: /expected/,
  },
  {
    name: 'limiter-patience',
    safeguard: 'a call that would wait too long is refused at once',
    edits: [
      {
        file: 'services/worker/src/limits/limiter.ts',
        find: 'if (expectedMs > call.patienceMs) {',
        replace: 'if (expectedMs > Infinity) {',
      },
    ],
    tests: ['services/worker/test/limits/limiter.test.ts', '--testTimeout=15000'],
    caughtBy: /refuses at once a call/,
    because: /expected 'in' to be 'late'/,
  },
  {
    name: 'bucket-rate',
    safeguard: 'all nodes together keep to the rate of a key',
    edits: [
      {
        file: 'libs/adapters/src/limits/rate-limit-scripts.ts',
        find: 'if rpm > 0 and r < 1 then delay = math.max(delay, (1 - r) * 60000 / rpm) end\n',
        replace: '',
      },
    ],
    tests: ['libs/adapters/test/limits/provider-limits.test.ts', '-t', 'buckets'],
    caughtBy: /let a burst through and then grant calls/,
    because: /expected/,
  },
  {
    name: 'bucket-closed',
    safeguard: 'a refusal closes a key for all nodes',
    edits: [
      {
        file: 'libs/adapters/src/limits/rate-limit-scripts.ts',
        find: 'local delay = closed\n',
        replace: 'local delay = 0\n',
      },
    ],
    tests: ['libs/adapters/test/limits/provider-limits.test.ts', '-t', 'buckets'],
    caughtBy: /are closed for every node after a refusal/,
    because: /expected/,
  },
  {
    name: 'tenant-budget',
    safeguard: 'a tenant uses no more than its budget (L7)',
    edits: [
      {
        file: 'libs/adapters/src/limits/rate-limit-scripts.ts',
        find: "if waits then return 'held' end",
        replace: '',
      },
    ],
    tests: ['libs/adapters/test/limits/provider-limits.test.ts', '-t', 'budget'],
    caughtBy: /counts the usage that is stored in the log and the largest/,
    because: /expected/,
  },
  {
    name: 'replay-journal',
    safeguard: 'a replay behind the journal does not pay for a call again',
    edits: [
      {
        file: 'services/gateway/src/tasks/replays.ts',
        find: "const journal = from === 'journal' ? await journalOf(taskLog, record) : []",
        replace:
          "const journal = from === 'journal' && state === 'queued' ? await journalOf(taskLog, record) : []",
      },
    ],
    tests: ['services/gateway/test/lists/replay.test.ts', '--testTimeout=15000'],
    caughtBy: /from its journal/,
    because: /expected/,
  },
  {
    name: 'replay-ended',
    safeguard: 'only a task that has ended is replayed',
    edits: [
      {
        file: 'services/gateway/src/tasks/replays.ts',
        find: 'if (!isTerminal(state)) {',
        replace: "if (state === 'waiting') {",
      },
    ],
    tests: ['services/gateway/test/lists/replay.test.ts', '--testTimeout=15000'],
    caughtBy: /./,
    because: /not-finished|instead of rejecting|409/,
  },
  {
    name: 'definition-etag',
    safeguard: 'a definition is changed only with its current version',
    edits: [
      {
        file: 'services/gateway/src/agents/versions.ts',
        find: "if (ifMatch === '*' || ifMatch === etagOf(version)) return",
        replace: "if (ifMatch !== '') return",
      },
    ],
    tests: ['services/gateway/test/agents/routes.test.ts', '-t', 'ETag', '--testTimeout=15000'],
    caughtBy: /the definition of an agent gets versions, can be changed/,
    because: /instead of rejecting/,
  },
  {
    name: 'limiter-promise',
    safeguard: 'a promised turn is void once the provider has closed the key',
    edits: [
      {
        file: 'services/worker/src/limits/limiter.ts',
        find: 'if (grants.closedMs() > 0) {',
        replace: 'if (grants.closedMs() > Infinity) {',
      },
    ],
    tests: ['services/worker/test/limits/limiter-shared.test.ts'],
    caughtBy: /does not begin after the provider has closed the key/,
    because: /to be greater than/,
  },
]
