import React from 'react'

export const Badge = ({ label, count }) => (
  <span className="badge">
    {label}: {count}
  </span>
)

export function List({ items }) {
  const onClick = () => items.pop()
  return (
    <ul onClick={onClick}>
      {items.map((item) => (
        <li key={item}>{item}</li>
      ))}
    </ul>
  )
}
