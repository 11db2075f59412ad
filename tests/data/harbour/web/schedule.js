const MINUTE = 60 * 1000;

/** Height of the water between two readings, on a straight line. */
export function interpolateHeight(before, after, hour) {
  const share = (hour - before.hour) / (after.hour - before.hour);
  return before.height + share * (after.height - before.height);
}

/** Write a number of milliseconds as hours and minutes. */
export function formatDuration(milliseconds) {
  const minutes = Math.round(milliseconds / MINUTE);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Call a function only after it was not asked for during a pause. */
export function debounce(callback, pause) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => callback(...values), pause);
  };
}

/** Arrivals sorted into one list for each calendar day. */
export const groupByDay = (arrivals) => {
  const days = new Map();
  for (const arrival of arrivals) {
    const day = arrival.time.slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), arrival]);
  }
  return days;
};

/** The table of arrivals on the harbour's page. */
export class ArrivalsTable {
  constructor(element) {
    this.element = element;
  }

  /** Draw one row of HTML for each ship. */
  render(arrivals) {
    this.element.replaceChildren(...arrivals.map((arrival) => this.row(arrival)));
  }

  row(arrival) {
    const cell = document.createElement("tr");
    cell.textContent = arrival.ship;
    return cell;
  }
}
