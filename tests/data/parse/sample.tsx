import * as React from 'react'

type Props = { title: string; onClose?: () => void }

/** A small dialog. */
export const Dialog: React.FC<Props> = ({ title, onClose }) => {
  return (
    <dialog open onClick={onClose}>
      <h1>{title}</h1>
    </dialog>
  )
}

export class Counter extends React.Component<{}, { n: number }> {
  state = { n: 0 }

  render(): React.ReactNode {
    return <b>{this.state.n}</b>
  }
}
