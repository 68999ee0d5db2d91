import type { JSX } from 'preact'

/** A button that acts when the reader presses it. */
export function Button({
  act,
  ...rest
}: Omit<JSX.IntrinsicElements['button'], 'type' | 'onClick'> & { act: () => unknown }) {
  return <button {...rest} type="button" onClick={() => void act()} />
}
