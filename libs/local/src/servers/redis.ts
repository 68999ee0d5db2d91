import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Binaries } from '../binaries.ts'
import { LOOPBACK, drawPorts } from './ports.ts'
import { startServer, type RunningServer, type ServerTls } from './server.ts'

// The answer to INFO is a few kB; a longer one is not from Redis.
const ANSWER_BYTES_MAX = 64 * 1024
const PLAIN_TEXT = /^[\x21-\x7e]+$/

/** One Redis user with its rights as ACL rules. */
export type RedisUser = { readonly name: string; readonly password: string; readonly rules: string }

/** Starts redis-server on loopback with an append-only file and resolves when it has loaded its data. */
export async function startRedis(options: {
  readonly binaries: Pick<Binaries, 'redisServer'>
  readonly dir: string
  readonly password?: string
  /** Users in addition to the default one, which needs the password above. */
  readonly users?: readonly RedisUser[]
  /** A second port that encrypts. */
  readonly tls?: ServerTls & { readonly port: number }
  readonly signal?: AbortSignal
}): Promise<RunningServer> {
  const { binaries, dir, password, users = [], tls, signal } = options
  if (password !== undefined && !PLAIN_TEXT.test(password))
    throw new Error('a Redis password must be plain ASCII text without spaces')
  for (const { name, password: own, rules } of users)
    if (!PLAIN_TEXT.test(name) || !PLAIN_TEXT.test(own) || /[^\x20-\x7e]/.test(rules))
      throw new Error(
        `the settings of the Redis user ${name} must be plain ASCII text without spaces`,
      )
  const configFile = join(dir, 'redis.conf')
  return startServer({
    program: binaries.redisServer,
    dir,
    scheme: 'redis',
    signal,
    choosePorts: async () => (await drawPorts(1))[0] ?? 0,
    clientPort: (chosen) => chosen,
    prepare: async (chosen) => {
      const settings = [
        `bind ${LOOPBACK}`,
        `port ${chosen}`,
        `dir ${JSON.stringify(dir)}`,
        'appendonly yes',
        'appendfsync everysec',
        'save ""',
        ...(password === undefined ? [] : [`requirepass ${JSON.stringify(password)}`]),
        ...users.map(({ name, password: own, rules }) => `user ${name} on >${own} ${rules}`),
        ...(tls === undefined ? [] : tlsSettings(tls)),
      ]
      await rm(configFile, { force: true })
      await writeFile(configFile, settings.join('\n') + '\n', { mode: 0o600 })
      return [configFile]
    },
    answers: async (chosen, pid, probe) => {
      const answer = await ask(chosen, password, probe)
      return answer.includes(`\r\nprocess_id:${pid}\r\n`) && answer.includes('\r\nloading:0\r\n')
    },
  })
}

function tlsSettings(tls: ServerTls & { readonly port: number }): readonly string[] {
  const { clientCaFile } = tls
  return [
    `tls-port ${tls.port}`,
    `tls-cert-file ${JSON.stringify(tls.certFile)}`,
    `tls-key-file ${JSON.stringify(tls.keyFile)}`,
    ...(clientCaFile === undefined
      ? ['tls-auth-clients no']
      : [`tls-ca-cert-file ${JSON.stringify(clientCaFile)}`]),
  ]
}

/** Sends INFO as an inline command and reads until the server closes after QUIT. */
async function ask(
  port: number,
  password: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const socket = connect({ port, host: LOOPBACK, signal })
  try {
    await once(socket, 'connect', { signal })
    const login = password === undefined ? '' : `AUTH ${JSON.stringify(password)}\r\n`
    socket.write(`${login}INFO\r\nQUIT\r\n`)
    let answer = ''
    for await (const chunk of socket) {
      answer += String(chunk)
      if (answer.length > ANSWER_BYTES_MAX) break
    }
    return answer
  } finally {
    socket.destroy()
  }
}
