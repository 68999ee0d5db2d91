import { describe, expect, it } from 'vitest'
import { permissionsOf, SERVICES } from '../src/index.ts'

const NO_WORKERS = SERVICES.filter((service) => service !== 'worker')

describe('the bus permissions (L9)', () => {
  it('let a worker write no history, no pointer and no death, and use no JetStream API', () => {
    const { publish, subscribe } = permissionsOf('worker')
    const forbidden = /^(>|\*|log\.|tasks\.|ops\.|agents\.|schedules\.|\$JS\.API)/
    expect(publish.allow.filter((subject) => forbidden.test(subject))).toEqual([])
    expect(
      subscribe.allow.filter((subject) => /^(>|\*|log\.|live\.|_INBOX\.)/.test(subject)),
    ).toEqual([])
  })

  it('let the gateway and the coordinator alone write the log', () => {
    const writers = SERVICES.filter((service) =>
      permissionsOf(service).publish.allow.some((subject) => /^(>|\*|log\.)/.test(subject)),
    )
    expect(writers).toEqual(['gateway', 'coordinator'])
  })

  it('let no service but a worker report an ending', () => {
    const reporters = NO_WORKERS.filter((service) =>
      permissionsOf(service).publish.allow.some((subject) =>
        /^(>|\*|coordinator\.(report|\*|>))/.test(subject),
      ),
    )
    expect(reporters).toEqual([])
  })
})
