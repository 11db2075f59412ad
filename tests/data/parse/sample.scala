package org.example.inventory

import scala.collection.mutable
import scala.util.{Failure, Success, Try}

/** An item in the store. */
case class Item(name: String, price: BigDecimal, count: Int = 1)

/**
 * Anything that can be counted.
 */
trait Counted {
  def total: Int

  def isEmpty: Boolean = total == 0
}

sealed abstract class Event(val item: Item)
case object Opened

// Where items are.
@SerialVersionUID(1L)
class Store(limit: Int) extends Counted {
  private val items = mutable.Map.empty[String, Item]
  var changes = 0

  def this() = this(100)

  /** Adds an item. */
  @throws(classOf[IllegalStateException])
  def add(item: Item): Try[Item] = {
    if (items.size >= limit) {
      Failure(new IllegalStateException("full"))
    } else {
      items(item.name) = item
      changes += 1
      Success(item)
    }
  }

  override def total: Int = items.values.map(_.count).sum

  def +=(item: Item): Unit = add(item)

  def each(action: Item => Unit): Unit = {
    def visit(rest: List[Item]): Unit = rest match {
      case head :: tail =>
        action(head)
        visit(tail)
      case Nil => ()
    }
    visit(items.values.toList)
  }

  lazy val cheapest: Option[Item] =
    items.values.toList.sortBy(_.price).headOption
}

object Store {
  val Empty = new Store(0)

  def apply(items: Item*): Store = {
    val store = new Store()
    items.foreach(store.add)
    store
  }

  implicit class Priced(val item: Item) extends AnyVal {
    def worth: BigDecimal = item.price * item.count
  }
}

enum Shelf(val height: Int) {
  case Low extends Shelf(1)
  case High extends Shelf(2)

  def reach: Int = height * 40
}

type Prices = Map[String, BigDecimal]

given Ordering[Item] with {
  def compare(a: Item, b: Item): Int = a.price.compare(b.price)
}

extension (item: Item)
  def discounted(rate: BigDecimal): Item =
    item.copy(price = item.price * (1 - rate))

// Reads a line.
def parse(line: String): Option[Item] =
  line.split(",") match {
    case Array(name, price) => Some(Item(name, BigDecimal(price)))
    case _                  => None
  }

val double = (x: Int) => x * 2

@main def run(): Unit = println(parse("nut,1"))
