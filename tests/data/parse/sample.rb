# frozen_string_literal: true

require "json"

# Sends mail.
module Mailer
  DEFAULT = "localhost"

  # Raised when nobody listens.
  class Error < StandardError; end

  class Client
    include Comparable
    attr_reader :host

    # @param host [String]
    def initialize(host = DEFAULT)
      @host = host
    end

    def self.open(host)
      client = new(host)
      yield client
    end

    class << self
      def default
        @default ||= new
      end
    end

    private

    def <=>(other)
      host <=> other.host
    end

    def empty?; true; end

    private def log(text) = puts(text)

    define_method(:ping) do
      connect
      write("PING")
      read
    end
  end

  def self.deliver(message)
    Client.open(DEFAULT) { |c| c.write(message.to_json) }
  end
end

def helper
  42
end

class Mailer::Queue
  def push(item)
    @items << item
  end
end

Point = Struct.new(:x, :y) do
  def length
    Math.sqrt(x * x + y * y)
  end
end

Mailer.deliver("hello") if $PROGRAM_NAME == __FILE__
