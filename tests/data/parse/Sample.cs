using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Example.Billing
{
    /// <summary>
    /// Something that can be paid.
    /// </summary>
    public interface IPayable
    {
        decimal Amount { get; }
        Task PayAsync(string account);
    }

    public enum Currency
    {
        Euro,
        Dollar,
    }

    public delegate void Paid(object sender, EventArgs args);

    /// <summary>A bill and its lines.</summary>
    [Serializable]
    public class Invoice<T> : IPayable where T : class
    {
        private readonly List<decimal> lines = new();
        public event Paid OnPaid;

        /// <summary>Creates an invoice.</summary>
        public Invoice(string number, DateTime due)
            : base()
        {
            Number = number;
            Due = due;
        }

        ~Invoice()
        {
            lines.Clear();
        }

        public string Number { get; }

        public DateTime Due { get; private set; }

        /// <summary>The sum of all lines.</summary>
        public decimal Amount
        {
            get
            {
                decimal sum = 0;
                foreach (var line in lines)
                {
                    sum += line;
                }
                return sum;
            }
        }

        public bool Late => Due < DateTime.Now;

        public decimal this[int index]
        {
            get { return lines[index]; }
            set { lines[index] = value; }
        }

        // Pays the whole amount.
        [Obsolete("use the gateway")]
        public async Task PayAsync(string account)
        {
            void Log(string text) => Console.WriteLine(text);
            await Task.Delay(1);
            Log(account);
            OnPaid?.Invoke(this, EventArgs.Empty);
        }

        public static Invoice<T> operator +(Invoice<T> a, Invoice<T> b)
        {
            a.lines.AddRange(b.lines);
            return a;
        }

        private Currency currency = Currency.Euro;
    }

    public record Line(string Text, decimal Price);

    public struct Money
    {
        public decimal Value;

        public Money Round() => new Money { Value = Math.Round(Value, 2) };
    }

    public static class Extensions
    {
        public static bool IsFree(this IPayable payable) => payable.Amount == 0;
    }
}
