import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  adviserEnv,
  baseEnv,
  ConfigError,
  consulEnv,
  decimal,
  envNames,
  host,
  integer,
  list,
  loadConfig,
  natsEnv,
  notEmpty,
  oneOf,
  redisEnv,
  secret,
  signingSecret,
  text,
  url,
  withRules,
} from '../src/index.ts'

const schema = z.object({
  SLOTS: integer({ min: 1, max: 1024, default: 64 }),
  TARGET: decimal({ min: 0, max: 1, default: 0.85 }),
  NAME: text(),
  STORE_URL: url(['redis', 'rediss']).optional(),
  TENANTS: list(['default']),
  DRIVER: oneOf(['local', 'kubernetes'], 'local'),
  KEY: secret(),
  SPARE_KEY: secret().optional(),
})

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(schema, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

function fileWith(content: string) {
  const path = join(mkdtempSync(join(tmpdir(), 'config-')), 'secret')
  writeFileSync(path, content)
  return path
}

describe('loadConfig', () => {
  test('fills in the defaults, gives typed values and freezes them', () => {
    const config = loadConfig(schema, { NAME: 'a', KEY: 'k', UNRELATED: 'x' })
    expect(config).toEqual({
      SLOTS: 64,
      TARGET: 0.85,
      NAME: 'a',
      TENANTS: ['default'],
      DRIVER: 'local',
      KEY: 'k',
    })
    expect(Object.isFrozen(config)).toBe(true)
    expectTypeOf(config.SLOTS).toEqualTypeOf<number>()
    expectTypeOf(config.DRIVER).toEqualTypeOf<'local' | 'kubernetes'>()
    expectTypeOf(config.TENANTS).toEqualTypeOf<readonly string[]>()
    expectTypeOf(config.SPARE_KEY).toEqualTypeOf<string | undefined>()
  })

  test('reads the variables that are set', () => {
    const config = loadConfig(schema, {
      SLOTS: '8',
      TARGET: '0.5',
      NAME: 'b',
      STORE_URL: 'redis://store:1',
      TENANTS: 'x, y,',
      DRIVER: 'kubernetes',
      KEY: 'k',
    })
    expect(config).toMatchObject({ SLOTS: 8, TARGET: 0.5, TENANTS: ['x', 'y'] })
    expect(config).toMatchObject({ STORE_URL: 'redis://store:1', DRIVER: 'kubernetes' })
  })

  test('reports all problems at once, with what is wrong and what is expected', () => {
    const problems = problemsOf({ SLOTS: '0', TARGET: 'x', DRIVER: 'cloud' })
    expect(problems).toEqual([
      'SLOTS: is "0"; expected a whole number from 1 to 1024',
      'TARGET: is "x"; expected a number from 0 to 1',
      'NAME: is not set; expected some text',
      'DRIVER: is "cloud"; expected one of local, kubernetes',
      'KEY: is not set; expected a secret (or NAME_FILE: a file with it)',
    ])
  })

  test('refuses a user or a password in an address of HTTP, which fetch would repeat in its error, and never shows it', () => {
    const addresses = z.object({ API_URL: url(), BUS_URL: url(['nats']) })
    const load = (API_URL: string) =>
      loadConfig(addresses, { API_URL, BUS_URL: 'nats://kim:hunter2@bus' })
    for (const wrong of [
      'https://kim:hunter2@api',
      'http://hunter2@api/v1',
      'http://:hunter2@api',
    ]) {
      expect(() => load(wrong), wrong).toThrow(/^[^]*API_URL: has a user or a password/)
      expect(() => load(wrong), wrong).not.toThrow(/hunter2/)
    }
    expect(load('https://api/v1?at=@').BUS_URL).toBe('nats://kim:hunter2@bus')
  })

  test('names the unit of a number, and refuses blanks, lists without entries and addresses of other kinds', () => {
    const strict = z.object({
      WAIT_MS: integer({ min: 0, max: 9 }),
      NAME: text(),
      KEY: secret(),
      TENANTS: list([]),
      API_HOST: host(),
      API_URL: url().optional(),
    })
    const load = () =>
      loadConfig(strict, {
        WAIT_MS: '5s',
        NAME: '  ',
        KEY: ' ',
        TENANTS: ' ,',
        API_HOST: 'http://localhost',
        API_URL: 'localhost:8080',
      })
    expect(load).toThrow(
      [
        'WAIT_MS: is "5s"; expected a whole number from 0 to 9 (milliseconds)',
        'NAME: is "  "; expected some text',
        'KEY: is blank; expected a secret (or NAME_FILE: a file with it)',
        'TENANTS: is " ,"; expected texts separated by commas',
        'API_HOST: is "http://localhost"; expected the name or the address of a host, without scheme and port',
        'API_URL: is not a URL; expected a URL that begins with http:// or https://',
      ].join('\n'),
    )
  })

  test('refuses in the address of a server what its client would read in another way, and never shows it', () => {
    const servers = z.object({ ...natsEnv, ...redisEnv, ...consulEnv })
    const load = (env: Record<string, string>) => () => loadConfig(servers, env)
    for (const [name, wrong] of [
      // An unescaped # or / in a password ends the host: the service would send the rest to the host `kim`.
      ['REDIS_URL', 'redis://kim:12#hunter2@store:6379'],
      ['REDIS_URL', 'redis://kim:12/hunter2@store:6379'],
      ['REDIS_URL', 'redis://kim:12?hunter2@store:6379'],
      // The client takes a query for its options.
      ['REDIS_URL', 'redis://store:6379?lazyConnect=hunter2'],
      ['REDIS_URL', 'redis://store:6379/hunter2'],
      ['REDIS_URL', 'redis://kim:pa#hunter2@store'],
      ['REDIS_URL', 'redis://$(HUNTER2):6379'],
      ['NATS_URL', 'nats://hunter2,other:4222'],
      ['NATS_URL', 'nats://:hunter2@'],
      ['NATS_URL', 'nats://bus:4222/hunter2'],
      ['CONSUL_URL', 'http://consul:8500/hunter2'],
      ['CONSUL_URL', 'http://consul:8500#'],
    ] as const) {
      expect(load({ [name]: wrong }), wrong).toThrow(`${name}: is not`)
      expect(load({ [name]: wrong }), wrong).toThrow('expected a URL that begins with')
      expect(load({ [name]: wrong }), wrong).not.toThrow(/hunter2/i)
    }
    const right = {
      NATS_URL: 'tls://kim:hunter2@[fd00::1]:4222',
      REDIS_URL: 'rediss://kim:p%23%zz@store.example:6379/1',
      CONSUL_URL: 'https://consul:8501/',
    }
    expect(load(right)()).toEqual(right)
  })

  test.each(['localhost:8080', '1.2.3.4:80', '[::1]', 'fe80::1%eth0', 'a..b', '1:2', ':', '.'])(
    'refuses %j as the name or the address of a host',
    (wrong) => {
      const listening = z.object({ HTTP_HOST: host() })
      expect(() => loadConfig(listening, { HTTP_HOST: wrong })).toThrow('HTTP_HOST: is')
    },
  )

  test.each(['localhost', 'store.example.', 'my_pod-0.consul', '0.0.0.0', '::', 'fd00::1'])(
    'accepts %j as the name or the address of a host',
    (right) => {
      const listening = z.object({ HTTP_HOST: host() })
      expect(loadConfig(listening, { HTTP_HOST: right })).toEqual({ HTTP_HOST: right })
    },
  )

  test('treats an empty variable as unset', () => {
    expect(loadConfig(schema, { NAME: 'a', KEY: 'k', SLOTS: '' }).SLOTS).toBe(64)
    expect(problemsOf({ NAME: '', KEY: 'k' })).toHaveLength(1)
  })

  test('refuses an empty value of a variable whose absence removes a protection', () => {
    const guarded = z.object({
      KEYS: notEmpty(secret(), 'everyone may come in'),
      LIMITS: notEmpty(text(), 'no limits'),
    })
    const empty = 'is empty; give it a value, or remove it (without it:'
    expect(() => loadConfig(guarded, { KEYS: '', LIMITS: '' })).toThrow(
      `KEYS: ${empty} everyone may come in)\nLIMITS: ${empty} no limits)`,
    )
    expect(() => loadConfig(guarded, { KEYS_FILE: '' })).toThrow(`KEYS: ${empty}`)
    expect(loadConfig(guarded, {})).toEqual({})
    expect(loadConfig(guarded, { KEYS: 'k' })).toEqual({ KEYS: 'k' })
    expect(envNames(guarded)).toEqual(['KEYS', 'KEYS_FILE', 'LIMITS'])
  })

  test('checks the rules on the valid variables, and reports broken rules together with wrong variables', () => {
    const ruled = withRules(
      z.object({
        LOW: integer({ min: 0, max: 9 }),
        HIGH: integer({ min: 0, max: 9 }),
        NAME: text(),
      }),
      ({ LOW = 0, HIGH = 9 }) => (LOW > HIGH ? ['LOW: is above HIGH; lower it'] : []),
      ({ NAME }) => {
        if (NAME === 'odd') throw new ConfigError(['NAME: is odd'])
        return []
      },
    )
    const load = (env: Record<string, string>) => () => loadConfig(ruled, env)
    expect(load({ LOW: '3', HIGH: '2' })).toThrow('NAME: is not set')
    expect(load({ LOW: '3', HIGH: '2' })).toThrow('LOW: is above HIGH')
    expect(load({ LOW: '3', HIGH: 'x', NAME: 'odd' })).toThrow('NAME: is odd')
    expect(load({ LOW: '3', HIGH: 'x', NAME: 'a' })).not.toThrow('LOW')
    expect(load({ LOW: '2', HIGH: '3', NAME: 'a' })()).toEqual({ LOW: 2, HIGH: 3, NAME: 'a' })
  })

  test('does not repeat a wrong URL, which may hold a password', () => {
    const problems = problemsOf({ NAME: 'a', KEY: 'k', STORE_URL: 'hunter2' })
    expect(problems).toEqual([
      'STORE_URL: is not a URL; expected a URL that begins with redis:// or rediss://',
    ])
  })

  test('reports a broken relation between variables', () => {
    const related = z
      .object({ LOW: integer({ min: 0, max: 9 }), HIGH: integer({ min: 0, max: 9 }) })
      .refine((c) => c.LOW <= c.HIGH, { error: 'LOW must not be above HIGH' })
    expect(() => loadConfig(related, { LOW: '3', HIGH: '2' })).toThrow(
      'configuration: LOW must not be above HIGH',
    )
  })
})

describe('secrets in the environment', () => {
  test.each(['s3cret\n', 's3cret\r\n', '\uFEFFs3cret', ' s3cret '])(
    'are the same from a file and from a variable, without what editors and echo add: %j',
    (content) => {
      const env = { NAME: 'a', KEY_FILE: fileWith(content), SPARE_KEY: content }
      expect(loadConfig(schema, env)).toMatchObject({ KEY: 's3cret', SPARE_KEY: 's3cret' })
    },
  )

  test.each(['sk-hunter2\nsk-2', 'sk-hünter2', 'sk hunter2', '“sk-hunter2”', 'sk-hunter2\0'])(
    'are refused without being shown when no header carries them: %j',
    (key) => {
      const load = (env: Record<string, string>) => () =>
        loadConfig(z.object({ ...adviserEnv, ...consulEnv }), env)
      for (const name of ['OPENAI_API_KEY', 'CONSUL_TOKEN']) {
        expect(load({ [name]: key })).toThrow(`${name}: holds a blank, a control character`)
        expect(load({ [name]: key })).not.toThrow(/h[uü]nter2/)
      }
    },
  )

  test('are refused without being shown when they sign texts and can be guessed, such as those of the examples', () => {
    const signing = z.object({ CLAIM_KEY: signingSecret() })
    for (const key of ['drawn', 'replace-me', 'hunter2', '123456789012345']) {
      expect(() => loadConfig(signing, { CLAIM_KEY: key })).toThrow(
        'CLAIM_KEY: needs 16 characters',
      )
      expect(() => loadConfig(signing, { CLAIM_KEY: key })).not.toThrow(key)
    }
    expect(loadConfig(signing, { CLAIM_KEY: '1234567890123456' }).CLAIM_KEY).toHaveLength(16)
  })

  test.each([
    [
      { KEY_FILE: '/does/not/exist' },
      'KEY: the file /does/not/exist of KEY_FILE cannot be read (ENOENT)',
    ],
    [{ KEY_FILE: fileWith('\n') }, 'of KEY_FILE is empty'],
    [{ KEY: 'hunter2', KEY_FILE: fileWith('x') }, 'KEY: is set together with KEY_FILE'],
  ])(
    'are reported as one problem and never shown when their source is wrong (case %#)',
    (env, problem) => {
      const problems = problemsOf({ NAME: 'a', ...env } as Record<string, string>)
      expect(problems).toHaveLength(1)
      expect(problems[0]).toContain(problem)
      expect(problems[0]).not.toContain('hunter2')
    },
  )
})

describe('the variables that all services share', () => {
  test('switch the adviser off and give it a small budget by default', () => {
    const adviser = z.object(adviserEnv)
    expect(loadConfig(adviser, {})).toMatchObject({
      ADVISER_MODE: 'off',
      ADVISER_CALLS_PER_HOUR: 60,
      ADVISER_USD_PER_HOUR: 1,
    })
    const set = loadConfig(adviser, { ADVISER_PRICES: 'some/model=1.5/6, *=0/0' })
    expect(set.ADVISER_PRICES).toEqual({
      'some/model': { inputUsdPerMillion: 1.5, outputUsdPerMillion: 6 },
      '*': { inputUsdPerMillion: 0, outputUsdPerMillion: 0 },
    })
    expect(() => loadConfig(adviser, { ADVISER_PRICES: 'm=1/2, *=3/4, m=5/6' })).toThrow(
      'ADVISER_PRICES: has two prices of m; keep one of them; expected prices such as',
    )
    expect(() => loadConfig(adviser, { ADVISER_PRICES: 'model=1', ADVISER_MODE: 'yes' })).toThrow(
      /2 problem.*\n.*ADVISER_MODE.*\n.*ADVISER_PRICES/,
    )
  })

  const shared = z.object({ ...baseEnv('worker'), ...natsEnv, ...redisEnv, ...consulEnv })

  test('default to values that suit a single machine', () => {
    const config = loadConfig(shared, {})
    expect(config).toMatchObject({ HTTP_HOST: '127.0.0.1', HTTP_PORT: 0, LOG_LEVEL: 'info' })
    expect(config).toMatchObject({ NATS_URL: 'nats://127.0.0.1:4222', DRAIN_DEADLINE_MS: 20_000 })
    expect(config.SERVICE_ID).toMatch(/^worker-[0-9a-f]{8}$/)
    expect(loadConfig(shared, {}).SERVICE_ID).not.toBe(config.SERVICE_ID)
  })

  test('are refused when the service id is not a single token of a NATS subject', () => {
    expect(() => loadConfig(shared, { SERVICE_ID: 'a.b' })).toThrow('SERVICE_ID: is "a.b"')
  })

  test('can be listed by name, including the variables for files of secrets', () => {
    expect(envNames(shared)).toEqual([
      'SERVICE_ID',
      'HTTP_HOST',
      'HTTP_PORT',
      'ADVERTISE_HOST',
      'LOG_LEVEL',
      'DRAIN_DEADLINE_MS',
      'TIME_SCALE',
      'NATS_URL',
      'NATS_USER',
      'NATS_PASSWORD',
      'NATS_PASSWORD_FILE',
      'NATS_CA_FILE',
      'NATS_CERT_FILE',
      'NATS_KEY_FILE',
      'REDIS_URL',
      'REDIS_CA_FILE',
      'REDIS_CERT_FILE',
      'REDIS_KEY_FILE',
      'CONSUL_URL',
      'CONSUL_TOKEN',
      'CONSUL_TOKEN_FILE',
      'CONSUL_CA_FILE',
      'CONSUL_CERT_FILE',
      'CONSUL_KEY_FILE',
    ])
  })
})
