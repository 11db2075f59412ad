package org.example.chat

import java.time.Instant
import java.util.concurrent.ConcurrentHashMap

const val MAX_LENGTH = 2000

/** One line somebody wrote. */
data class Message(val author: String, val text: String, val at: Instant = Instant.now())

/**
 * Anything that takes messages.
 */
interface Channel {
    val name: String

    suspend fun send(message: Message)

    fun describe(): String {
        return "channel $name"
    }
}

enum class Role {
    GUEST,
    OWNER;

    fun mayBan(): Boolean = this == OWNER
}

sealed class Result {
    object Ok : Result()
    class Failed(val reason: String) : Result()
}

// A room with members.
@Suppress("unused")
open class Room(override val name: String, private val limit: Int = 50) : Channel {
    private val members = ConcurrentHashMap<String, Role>()
    private val history = mutableListOf<Message>()

    init {
        require(limit > 0) { "limit must be positive" }
    }

    constructor(name: String) : this(name, 10) {
        members["system"] = Role.OWNER
    }

    val size: Int
        get() {
            val count = members.size
            return count
        }

    var topic: String = ""
        set(value) {
            field = value.trim()
        }

    /** Lets somebody in. */
    @Synchronized
    fun join(user: String, role: Role = Role.GUEST): Result {
        if (members.size >= limit) {
            return Result.Failed("full")
        }
        members[user] = role
        return Result.Ok
    }

    override suspend fun send(message: Message) {
        history.add(message)
        members.keys.forEach { member ->
            println("$member <- ${message.text}")
        }
    }

    companion object {
        private const val LOBBY = "lobby"

        fun lobby(): Room = Room(LOBBY)
    }
}

object Registry {
    private val rooms = HashMap<String, Room>()

    operator fun get(name: String): Room? = rooms[name]
}

typealias Handler = (Message) -> Unit

// Cuts a long message.
fun Message.shortened(length: Int = 80): Message =
    if (text.length <= length) this else copy(text = text.take(length))

val Message.isLong: Boolean
    get() = text.length > MAX_LENGTH

fun <T> retry(times: Int, block: () -> T): T {
    repeat(times - 1) {
        try {
            return block()
        } catch (e: Exception) {
            Thread.sleep(10)
        }
    }
    return block()
}

val greet = fun(name: String): String {
    return "hello $name"
}
