import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defaultCacheDir,
  findBinaries,
  startConsul,
  startNats,
} from '../../libs/local/dist/index.js'
import { createSimulator } from '../../libs/llm-simulator/dist/index.js'
import { permissionsOf, SERVICES, inboxPrefix } from '@agentfleet/protocol'
import {
  connectBus,
  createPuller,
  provisionStreams,
  openPointers,
  streamFill,
} from '@agentfleet/adapters'

const mode = process.argv[2] ?? 'basic'
const N = Number(process.argv[3] ?? 2000)
const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env), log: console.log })
const dir = await mkdtemp(join(tmpdir(), 'wk-'))
const nats = await startNats({
  binaries,
  dir: join(dir, 'n'),
  config: {
    durability: 'process',
    users: SERVICES.map((s) => ({ user: s, password: 'pw', permissions: permissionsOf(s) })),
  },
})
const consul = await startConsul({ binaries, dir: join(dir, 'c') })
const sim = createSimulator({
  ttftMs: 200,
  tokensPerSecond: 20,
  writeIntervalMs: 100,
  scripts: {
    calc: [
      {
        toolCalls: [
          { name: 'calculate', arguments: { expression: '6*7' } },
          { name: 'calculate', arguments: '{"expression":"1/0"}' },
        ],
      },
      { content: 'the answer is 42' },
    ],
  },
})
const { url } = await sim.listen()
console.log(nats.url, consul.url, url)
const log = {
  debug() {},
  info() {},
  warn: (...a) => console.log('LB warn', ...a),
  error: (...a) => console.log('err', ...a),
}
const as = (s) =>
  connectBus({ url: nats.url, user: s, password: 'pw', name: s, inboxPrefix: inboxPrefix(s), log })
const coord = await as('coordinator'),
  lb = await as('load-balancer'),
  gw = await as('gateway'),
  hm = await as('health-monitor'),
  as_ = await as('autoscaler')
await provisionStreams(
  coord,
  { logMaxBytes: 1e8, tasksMaxBytes: 5e8, opsMaxBytes: 1e7, replicas: 1 },
  log,
)
const pointers = openPointers(gw)
let seq = 1000,
  batches = 0
const calls = new Map(),
  done = new Map(),
  ops = {}
let policy = () => undefined
coord.subscribe(
  'coordinator.report',
  (m) => {
    const { items } = JSON.parse(m.text())
    batches++
    const outcomes = items.map((i) => {
      ops[i.op] = (ops[i.op] ?? 0) + 1
      const forced = policy(i)
      if (forced) return forced
      if (done.has(i.taskId)) return { kind: 'finished' }
      if (i.op === 'begin')
        return {
          kind: 'begun',
          seq: ++seq,
          attempt: 2,
          spec: spec(i.taskId),
          calls: calls.get(i.taskId) ?? [],
          deadlineAtMs: Date.now() + 60000,
        }
      if (i.op === 'own') return { kind: 'committed', seq: i.expect }
      if (i.op === 'call') calls.set(i.taskId, [...(calls.get(i.taskId) ?? []), i.call])
      if (i.op === 'complete' || i.op === 'fail') done.set(i.taskId, i)
      return { kind: 'committed', seq: ++seq }
    })
    m.respond(JSON.stringify({ outcomes }))
  },
  { queue: 'c' },
)
const models = new Map()
const spec = (id) => ({
  task: 'say something nice',
  agent: 'tester',
  model: models.get(id),
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 60000,
  maxAttempts: 3,
})
const beats = []
lb.subscribe('node.*.beat', (m) => beats.push({ at: Date.now(), ...JSON.parse(m.text()) }))
const deltas = []
gw.subscribe('delta.*', (m) => deltas.push({ s: m.subject, ...JSON.parse(m.text()) }))
const worker = spawn(
  process.execPath,
  [
    ...(process.env.PROF ? ['--cpu-prof', '--cpu-prof-dir=/tmp/wkprof'] : []),
    '--enable-source-maps',
    new URL('dist/main.js', import.meta.url).pathname,
  ],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      SERVICE_ID: 'w1',
      NATS_URL: nats.url,
      NATS_USER: 'worker',
      NATS_PASSWORD: 'pw',
      CONSUL_URL: consul.url,
      OPENAI_API_KEY: 'sk',
      OPENAI_BASE_URL: url + '/v1',
      WORKER_SLOTS: '20000',
      RENEW_INTERVAL_MS: process.env.RENEW ?? '10000',
      HTTP_PORT: '47113',
    },
  },
)
const exited = new Promise((r) =>
  worker.on('exit', (c) => {
    console.log('worker exit', c)
    r()
  }),
)
const until = async (f, ms = 30000) => {
  const e = Date.now() + ms
  while (!f()) {
    if (Date.now() > e) throw new Error('timeout ' + f)
    await delay(10)
  }
}
await until(() => beats.length > 0)
await delay(300)
// pull from TASKS and dispatch
const pending = []
let n = 0
const careful = new Set()
createPuller(lb, {
  stream: 'TASKS',
  consumer: 'balance-medium',
  wanted: () => 2000,
  receive: (p) => {
    pending.push(p)
    flushSoon()
  },
})
let sched = false,
  reply = []
function flushSoon() {
  if (!sched) {
    sched = true
    setImmediate(async () => {
      sched = false
      const ps = pending.splice(0, 256)
      const items = ps.map((p) => {
        const ptr = JSON.parse(p.text)
        return {
          taskId: ptr.taskId,
          tenant: 't',
          seq: ptr.seq,
          deadlineAtMs: ptr.deadlineAtMs,
          careful: careful.has(ptr.taskId) || p.deliveries > 1,
          ackSubject: p.ackSubject,
          claim: 'x',
          spec: ptr.spec,
        }
      })
      if (pending.length) flushSoon()
      const r = await lb.request(
        'node.w1.dispatch',
        JSON.stringify({ balancer: 'lb', items }),
        5000,
      )
      reply.push(r.kind === 'reply' ? JSON.parse(r.text) : r)
    })
  }
}
const issue = (id, model) => {
  models.set(id, model)
  pointers.issue(
    {
      taskId: id,
      tenant: 't',
      seq: ++n,
      cpu: 'low',
      memory: 'low',
      deadlineAtMs: Date.now() + 60000,
      reissue: false,
      spec: spec(id),
    },
    'medium',
  )
}
const left = async () => (await streamFill(gw, 'TASKS')).messages
try {
  if (mode === 'basic') {
    issue('a', 'echo')
    issue('b', 'echo?ms=50')
    issue('c', 'sim?tokens=20')
    issue('d', 'sim-script:calc')
    careful.add('e')
    issue('e', 'sim-steps?n=4&ms=20')
    issue('f', 'nope')
    issue('g', 'sim?fault=429')
    issue('h', 'sim?fault=cut&tokens=8&tps=0')
    issue('i', 'sim?fault=malformed&tps=0')
    await until(() => done.size === 9)
    for (const [k, v] of done)
      console.log(
        k,
        v.op,
        JSON.stringify(v.result ?? v.error),
        v.retryable ?? '',
        JSON.stringify(v.usage),
        v.expect,
        v.attempt,
      )
    console.log(JSON.stringify(calls.get('d')), calls.get('e').length)
    console.log(
      deltas.filter((d) => d.s === 'delta.c').map((d) => [d.kind, d.offset, d.text.length, d.seq]),
      deltas.filter((d) => d.kind === 'tool').length,
    )
    await delay(200)
    console.log('left', await left(), ops, 'replies', JSON.stringify(reply[0]))
    console.log('ping', await hm.request('node.w1.ping', '', 1000))
    const m = await (await fetch('http://127.0.0.1:47113/metrics')).text()
    console.log(
      m
        .split('\n')
        .filter((l) => /fleet_worker/.test(l) && !/bucket|#/.test(l))
        .join('\n'),
    )
    const inc0 = beats.at(-1).incarnation; await hm.request('node.w1.ping', JSON.stringify({ deadIncarnation: inc0 }), 1000); await until(() => beats.at(-1).incarnation > inc0); console.log('risen')
  // stop
    issue('s', 'echo?ms=20000')
    await until(() => reply.length && beats.at(-1).active === 1)
    coord.publish('node.w1.stop', JSON.stringify({ taskIds: ['s'] }))
    await until(() => beats.at(-1).active === 0)
    console.log('stopped')
    issue('l', 'sim?tokens=400')
    await until(() => beats.at(-1).active === 1)
    // pause
    worker.kill('SIGSTOP')
    await delay(3000)
    const inc = beats.at(-1).incarnation
    worker.kill('SIGCONT')
    await until(() => beats.at(-1).incarnation > inc)
    await delay(300)
    console.log('after pause', ops.own, beats.at(-1).incarnation - inc)
    policy = (i) => (i.op === 'own' && i.taskId === 'l' ? { kind: 'superseded' } : undefined)
    worker.kill('SIGSTOP')
    await delay(2600)
    worker.kill('SIGCONT')
    await until(() => beats.at(-1).active === 0)
    console.log('superseded ok', await left())
    policy = () => undefined
    // broker restart while reports are out
    issue('r', 'echo?ms=800')
    await until(() => beats.at(-1).active === 1)
    nats.kill('SIGKILL')
    await delay(1200)
    await nats.restart()
    await until(() => done.has('r'))
    console.log('after restart ok', done.get('r').result)
    await delay(500)
    console.log('left', await left())
    // drain
    issue('x', 'echo?ms=700')
    await until(() => beats.at(-1).active >= 1)
    console.log('drain', await as_.request('node.w1.drain', '', 1000))
    await exited
    console.log(done.has('x'), beats.at(-1))
  }
  if (mode === 'sigterm') {
    issue('y', 'echo?ms=25000')
    await until(() => beats.at(-1).active === 1)
    const t = Date.now()
    worker.kill('SIGTERM')
    await exited
    console.log('took', Date.now() - t, 'nak redelivery', reply.length, await left())
    await delay(300)
    console.log(reply)
  }
  if (mode === 'echo') {
    for (let round = 0; round < 4; round++) {
      const t = Date.now()
      const before = done.size,
        b0 = batches,
        c0 = process.cpuUsage()
      for (let i = 0; i < N; i++) {
        issue(`e${round}-${i}`, 'echo')
        if (i % 500 === 499) await delay(0)
      }
      await until(() => done.size === before + N, 60000)
      console.log('echo', N, Date.now() - t, 'ms', batches - b0, 'batches', beats.at(-1))
    }
    await delay(500)
    console.log(
      'left',
      await left(),
      reply.slice(-3).map((r) => r.accepted),
    )
  }
  if (mode === 'llm') {
    const t = Date.now()
    for (let i = 0; i < N; i++) {
      issue(`m${i}`, `sim?tokens=${process.argv[4] ?? 20}&tps=${process.argv[5] ?? 2}&ttft=2000`)
      if (i % 200 === 199) await delay(10)
    }
    let peak = 0,
      peakLag = 0,
      mem = 0,
      maxGap = 0
    const iv = setInterval(() => {
      const b = beats.at(-1)
      peak = Math.max(peak, b.active)
      peakLag = Math.max(peakLag, b.lagMs)
      mem = Math.max(mem, b.memoryBytes)
      console.log(
        ((Date.now() - t) / 1000).toFixed(0),
        'active',
        b.active,
        'done',
        done.size,
        'lag',
        b.lagMs,
        'cpu',
        b.cpu.toFixed(2),
        'MB',
        (b.memoryBytes / 1e6).toFixed(0),
        'deltas',
        deltas.length,
        'sim',
        sim.stats().inFlight ?? '',
      )
    }, 2000)
    await until(() => done.size === N, 170000)
    clearInterval(iv)
    for (let i = 1; i < beats.length; i++) maxGap = Math.max(maxGap, beats[i].at - beats[i - 1].at)
    const fails = [...done.values()].filter((d) => d.op === 'fail')
    console.log(
      'N',
      N,
      'ms',
      Date.now() - t,
      'peak',
      peak,
      'lag',
      peakLag,
      'MB',
      mem / 1e6,
      'fails',
      fails.length,
      JSON.stringify(fails[0]?.error),
      'maxBeatGap',
      maxGap,
      'batches',
      batches,
      ops,
    )
    await delay(500)
    console.log('left', await left())
  }
} catch (e) {
  console.log('FAILED', e, ops, beats.at(-1), done.size)
}
if (worker.exitCode === null) {
  worker.kill('SIGTERM')
  await Promise.race([exited, delay(25000)])
  worker.kill('SIGKILL')
}
await sim.close()
await consul.stop()
await nats.stop()
await rm(dir, { recursive: true, force: true })
process.exit(0)
