import { Redis } from 'ioredis'

/** Sends commands to the Redis of a test as an operator does, past the adapters: to wipe, pause or inspect it. */
export async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}
