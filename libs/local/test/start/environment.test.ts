import { expect, test } from 'vitest'
import { firstKeyOf } from '../../src/start/environment.ts'

test.for([
  ['no keys', {}, undefined],
  ['an empty variable', { API_KEYS: '' }, undefined],
  ['two keys', { API_KEYS: 'acme:the:key-of-acme,zeta:another-key' }, 'the:key-of-acme'],
  ['a file', { API_KEYS_FILE: '/keys' }, 'key-in-the-file'],
] as const)(
  'a started fleet checks itself with the first API key in its environment: %s',
  ([, env, key]) => {
    expect(firstKeyOf(env, () => 'acme:key-in-the-file\n')).toBe(key)
  },
)
