import { describe, expect, it } from 'vitest'
import {
  ALL_CHANNELS,
  CHANNELS,
  mayAnswer,
  nodeCredentials,
  permissionsOf,
  readNodeCredentials,
  SERVICES,
} from '../src/index.ts'

const NO_WORKERS = SERVICES.filter((service) => service !== 'worker')

describe('the bus permissions (L9)', () => {
  it('do not allow a worker to write the log, pointers or deaths, or to use the JetStream API', () => {
    const { publish, subscribe } = permissionsOf('worker')
    const forbidden = /^(>|\*|log\.|tasks\.|ops\.|agents\.|schedules\.|\$JS\.API)/
    expect(publish.allow.filter((subject) => forbidden.test(subject))).toEqual([])
    expect(
      subscribe.allow.filter((subject) => /^(>|\*|log\.|live\.|_INBOX\.)/.test(subject)),
    ).toEqual([])
  })

  it('allow only the gateway and the coordinator to write the log', () => {
    const writers = SERVICES.filter((service) =>
      permissionsOf(service).publish.allow.some((subject) => /^(>|\*|log\.)/.test(subject)),
    )
    expect(writers).toEqual(['gateway', 'coordinator'])
  })

  it('allow only workers to report the end of a task', () => {
    const reporters = NO_WORKERS.filter((service) =>
      permissionsOf(service).publish.allow.some((subject) =>
        /^(>|\*|coordinator\.(report|\*|>))/.test(subject),
      ),
    )
    expect(reporters).toEqual([])
  })
})

describe('the bus permissions of one node (L9)', () => {
  const node = permissionsOf('worker', 'n1')
  const all = [...node.publish.allow, ...node.subscribe.allow]

  it('contain the id of this node in every subject that contains the id of a node', () => {
    const own = ALL_CHANNELS.filter(
      ({ ownNode, senders, listeners }) =>
        ownNode !== undefined && [...senders, ...listeners].includes('worker'),
    )
    expect(own.length).toBeGreaterThan(6)
    for (const { subject } of own) expect(all).toContain(subject.replace('{nodeId}', 'n1'))
    expect(
      all.filter((subject) => /^(node|coordinator)\.([*>]|report\.[*>])/.test(subject)),
    ).toEqual([])
  })

  it('allow the node to listen only to its own inbox', () => {
    const inboxes = node.subscribe.allow.filter((subject) => subject.startsWith('_INBOX'))
    expect(inboxes).toEqual(['_INBOX_worker.n1.>'])
  })

  it('allow the node to answer requests that it receives, and to publish to no inbox', () => {
    expect(node.publish.allow.filter((subject) => subject.startsWith('_INBOX'))).toEqual([])
    expect(node.responses).toMatchObject({ max: 1 })
  })

  it('are given only to a login with the id of the node and its secret', () => {
    const login = { nodeId: 'n1', password: 'with.dots', secret: 'a-secret-of-20-characters' }
    const { user, password } = nodeCredentials(login)
    expect(readNodeCredentials(user, password)).toEqual(login)
    for (const [wrongUser, wrongPassword] of [
      ['worker', password],
      ['node.', password],
      ['node.a.b', password],
      ['node.*', password],
      ['node.>', password],
      [user, 'no-secret'],
      [user, 'x.short'],
    ] as const) {
      expect(readNodeCredentials(wrongUser, wrongPassword), wrongUser).toBeUndefined()
    }
  })
})

describe('an answer (L9)', () => {
  it('goes only to an inbox of a process that may send the request', () => {
    const allowed = (reply: string) => mayAnswer(CHANNELS.report, reply)
    expect(['_INBOX_worker.n1.req.a.b', '_INBOX_test.req.a'].map(allowed)).toEqual([true, true])
    for (const reply of [
      '',
      'log.task-1',
      'tasks.normal.other.task-1',
      '$JS.API.STREAM.PURGE.LOG',
      '$SYS.REQ.USER.AUTH',
      'coordinator.cancel',
      '_INBOX_gateway.req.a.b',
      '_INBOX_coordinator.ack.a.b',
    ]) {
      expect(allowed(reply), reply).toBe(false)
    }
    expect(mayAnswer(CHANNELS.cancel, '_INBOX_gateway.req.a')).toBe(true)
    expect(mayAnswer(CHANNELS.cancel, '_INBOX_worker.n1.req.a')).toBe(false)
  })
})
