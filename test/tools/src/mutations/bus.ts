import type { Mutation } from './mutation.ts'

/** Rules of every channel of the bus: items alone, sizes in bytes, refusals that reach the sender. */
export const BUS: readonly Mutation[] = [
  {
    name: 'bus-item-alone',
    safeguard: 'an unreadable item does not affect the other items of its message',
    edits: [
      {
        file: 'libs/adapters/src/bus/codec.ts',
        find: 'if (items === undefined || !Array.isArray(given)) return refused(whole.error)',
        replace: 'if (items === undefined || given !== null) return refused(whole.error)',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /leaves its place in the request empty/,
    because: /expected|Cannot read/,
  },
  {
    name: 'bus-answer-item-alone',
    safeguard: 'an unreadable item of an answer does not affect the other items',
    edits: [
      {
        file: 'libs/adapters/src/bus/answers.ts',
        find: 'const result = read(channel.reply as Shape<unknown>, value)',
        replace: 'const result = read({ schema: (channel.reply as Shape<unknown>).schema }, value)',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /leaves its place in the answer empty/,
    because: /expected/,
  },
  {
    name: 'bus-split-request',
    safeguard: 'the items of a request are split by bytes (L7)',
    edits: [
      {
        file: 'libs/adapters/src/bus/codec.ts',
        find: 'if (run.count > 0 && bytes + size > bytesMax) {',
        replace: 'if (run.count > 0 && bytesMax < 0) {',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /split the items of a request into several messages and send each large item alone/,
    because: /expected/,
  },
  {
    name: 'bus-split-hint',
    safeguard: 'a hint that is too large is split by its items (L7)',
    edits: [
      {
        file: 'libs/adapters/src/bus/channels.ts',
        find: 'channel.body.items === undefined ? [] : packed(channel.body, body)',
        replace: 'channel.body.items !== undefined ? [] : packed(channel.body, body)',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /with many items into several messages/,
    because: /expected/,
  },
  {
    name: 'bus-split-answer',
    safeguard: 'an answer that is too large is split by its items (L7)',
    edits: [
      {
        file: 'libs/adapters/src/bus/codec.ts',
        find: 'const runs = runsOf(texts, bytesMax - frame)',
        replace:
          'const runs = answer ? [{ first: 0, count: texts.length }] : runsOf(texts, bytesMax - frame)',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /split an answer, and the caller puts the parts together in order/,
    because: /refused|expected/,
  },
  {
    name: 'bus-parts-order',
    safeguard: 'the parts of an answer are put together in their order',
    edits: [
      {
        file: 'libs/adapters/src/bus/answers.ts',
        find: 'items[from + offset] = item',
        replace: 'items[offset] = item',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /split an answer, and the caller puts the parts together in order/,
    because: /expected/,
  },
  {
    name: 'bus-answer-item-size',
    safeguard: 'an item that no answer can hold costs its neighbours nothing (L7)',
    edits: [
      {
        file: 'libs/adapters/src/bus/codec.ts',
        find: 'if (answer === undefined || Buffer.byteLength(text) + frame <= answer.payloadMax) return text',
        replace: 'if (text.length > 0) return text',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /makes the bus leave the place of an item empty/,
    because: /expected/,
  },
  {
    name: 'bus-oversize',
    safeguard: 'a message that is larger than the server takes is refused where it is sent (L7)',
    edits: [
      {
        file: 'libs/adapters/src/bus/bus.ts',
        find: 'if (!fits(message.data)) return false',
        replace: 'void fits',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /comes from the server: a larger message is not sent/,
    because: /expected/,
  },
  {
    name: 'bus-bytes',
    safeguard: 'the size of a message is counted in bytes, not in characters (L7)',
    edits: [
      {
        file: 'libs/adapters/src/bus/bus.ts',
        find: 'return data.length * BYTES_PER_CHAR_MAX <= max || Buffer.byteLength(data) <= max',
        replace: 'return data.length <= max',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /comes from the server: a larger message is not sent/,
    because: /expected/,
  },
  {
    name: 'bus-refusal-told',
    safeguard: 'the sender of an unreadable request gets an error',
    edits: [
      {
        file: 'libs/adapters/src/bus/channels.ts',
        find: "refuse(channel, message, 'bad-message', result.reason)",
        replace: 'void refuse',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /is refused when it/,
    because: /timeout|Unexpected token/,
  },
  {
    name: 'bus-handler-failed',
    safeguard: 'the sender of a request whose handler fails gets an error at once',
    edits: [
      {
        file: 'libs/adapters/src/bus/channels.ts',
        find: '.catch(failed)',
        replace: '.catch(() => undefined)',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /is answered at once when its handler fails/,
    because: /expected/,
  },
  {
    name: 'bus-bad-reply',
    safeguard: 'an unreadable answer counts as none',
    edits: [
      {
        file: 'libs/adapters/src/bus/answers.ts',
        find: "if (result.kind === 'read') return { kind: 'reply', body: result.body }",
        replace: "if (result.kind !== undefined) return { kind: 'reply', body: value }",
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /refuses an unreadable answer/,
    because: /expected/,
  },
  {
    name: 'bus-own-node',
    safeguard: 'a node sends in its own name only (L9)',
    edits: [
      {
        file: 'libs/adapters/src/bus/channels.ts',
        find: "channel.ownNode !== 'sender') return result",
        replace: "channel.ownNode !== 'listener') return result",
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /is refused when a node sends it in another node's name/,
    because: /expected/,
  },
  {
    name: 'bus-log-rate',
    safeguard: 'a flood of unreadable messages is logged in one line (L7)',
    edits: [
      {
        file: 'libs/adapters/src/bus/tally.ts',
        find: 'if (last !== undefined && now - last.atMs < LOG_EVERY_MS) return',
        replace: 'if (last !== undefined && now < 0) return',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /is logged together with similar messages in one line/,
    because: /expected/,
  },
  {
    name: 'bus-no-responders',
    safeguard: 'a request without a listener ends at once',
    edits: [
      {
        file: 'libs/adapters/src/bus/requests.ts',
        find: "if (nobody) end(key, 'no-responders')",
        replace: 'if (nobody) return',
      },
    ],
    tests: ['libs/adapters/test/bus/channels.test.ts'],
    caughtBy: /fails at once when no listener exists/,
    because: /expected/,
  },
  {
    name: 'dispatch-item-alone',
    safeguard: 'an unreadable task of a dispatch does not affect the other tasks',
    edits: [
      {
        file: 'services/worker/src/node/dispatch.ts',
        find: 'unreadable.push(at)',
        replace: 'break',
      },
    ],
    tests: ['services/worker/test/node/dispatch.test.ts'],
    caughtBy: /that cannot be read is listed in the reply, and the other items start/,
    because: /expected/,
  },
  {
    name: 'outcome-asked-again',
    safeguard: 'a node asks again for an outcome that it cannot read (L4)',
    edits: [
      {
        file: 'services/worker/src/node/reports.ts',
        find: 'outcomes.push(outcome ?? UNAVAILABLE)',
        replace: 'outcomes.push(outcome ?? TOO_LARGE)',
      },
    ],
    tests: ['services/worker/test/node/reports.test.ts'],
    caughtBy: /the node sends a report again if it cannot read/,
    because: /expected/,
  },
  {
    name: 'bus-begins-bytes',
    safeguard: 'an answer to many begins holds a bounded number of bytes (L7)',
    edits: [
      {
        file: 'services/coordinator/src/reports/batch.ts',
        find: 'if (bytes > 0 && bytes + size > ANSWER_BYTES_MAX) return',
        replace: 'if (bytes > Infinity) return',
      },
    ],
    tests: ['services/coordinator/test/reports/batch.test.ts'],
    caughtBy: /a bounded number of bytes/,
    because: /less than/,
  },
  {
    name: 'bus-begin-too-large',
    safeguard: 'a task that no message can hold is ended',
    edits: [
      {
        file: 'services/coordinator/src/reports/batch.ts',
        find: 'if (size + FRAME_BYTES > payloadMax()) {',
        replace: 'if (size + FRAME_BYTES > Infinity) {',
      },
    ],
    tests: ['services/coordinator/test/reports/batch.test.ts'],
    caughtBy: /fails a task whose history is too large for one message/,
    because: /finished|to deeply equal/,
  },
  {
    name: 'frozen-redis-start',
    safeguard: 'a frozen Redis does not keep a service from starting',
    edits: [
      {
        file: 'libs/adapters/src/store/redis.ts',
        find: 'FIRST_CONNECT_WITHIN_MS = 1_000',
        replace: 'FIRST_CONNECT_WITHIN_MS = 100_000',
      },
    ],
    tests: ['libs/adapters/test/bus/bus.test.ts', '-t', 'Redis is frozen'],
    caughtBy: /lets a service start while Redis is frozen/,
    because: /timed out|to be less than/i,
  },
  {
    name: 'consul-away-start',
    safeguard: 'a service starts while Consul is away (REG-4)',
    edits: [
      {
        file: 'libs/adapters/src/registry/registration.ts',
        find: 'if (outage) return false',
        replace: '',
      },
      {
        file: 'libs/adapters/src/registry/registration.ts',
        find: 'if (!outage && tries >= REGISTER_TRIES) throw error',
        replace: 'if (tries >= REGISTER_TRIES) throw error',
      },
    ],
    tests: ['libs/adapters/test/registry/registration.test.ts', '-t', 'Consul is away'],
    caughtBy: /REG-4: a service starts while Consul is away/,
    because: /Consul does not answer/,
  },
  {
    name: 'hung-server',
    safeguard: 'a server that hangs is killed and started again (SUP-4)',
    edits: [
      {
        file: 'libs/local/src/servers/supervise.ts',
        find: "    server.kill('SIGKILL')\n",
        replace: '',
      },
    ],
    tests: ['libs/local/test/supervise.test.ts'],
    caughtBy: /a local server that hangs is killed and started again/,
    because: /not to be/,
  },
]
