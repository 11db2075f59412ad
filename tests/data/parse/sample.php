<?php

declare(strict_types=1);

namespace Shop\Cart;

use InvalidArgumentException;

const TAX = 0.19;

/**
 * A thing with a price.
 */
interface Priced
{
    public function price(): float;
}

trait Countable
{
    private int $count = 0;

    public function count(): int
    {
        return $this->count;
    }
}

/** The items somebody wants. */
#[Entity]
final class Cart implements Priced
{
    use Countable;

    public const LIMIT = 100;
    private array $items = [];

    public function __construct(private readonly string $owner)
    {
    }

    /**
     * Add an item.
     *
     * @throws InvalidArgumentException
     */
    #[Logged]
    public static function add(Cart $cart, Item $item): void
    {
        if (count($cart->items) >= self::LIMIT) {
            throw new InvalidArgumentException('full');
        }
        $cart->items[] = $item;
    }

    public function price(): float
    {
        return array_sum(array_map(fn ($item) => $item->price(), $this->items));
    }

    abstract protected function later(): void;
}

enum State: string
{
    case Open = 'open';
    case Paid = 'paid';

    public function label(): string
    {
        return ucfirst($this->value);
    }
}

// Total with tax.
function total(Priced $thing): float
{
    return $thing->price() * (1 + TAX);
}

$discount = function (float $price) {
    return $price * 0.9;
};

$half = fn (float $price): float => $price / 2;

echo total(new Cart('me'));
